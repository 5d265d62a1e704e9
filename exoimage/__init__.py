"""exoimage: from a folder of pictures to the table and the figure of the paper."""

__version__ = "0.1.0"
