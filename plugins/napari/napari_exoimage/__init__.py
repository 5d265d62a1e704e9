"""exoimage in napari: see what is counted, drag the threshold, draw, correct; the study stays a file."""

__version__ = "0.1.0"
