import ij.IJ;
import ij.ImagePlus;
import ij.Prefs;
import ij.io.Opener;
import ij.measure.Measurements;
import ij.measure.ResultsTable;
import ij.plugin.filter.Analyzer;
import ij.plugin.filter.ParticleAnalyzer;
import ij.process.AutoThresholder;
import ij.process.ImageProcessor;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Paths;

/** Asks the real ImageJ, headless: every line of a job file is one question, every answer one file or line. */
public class OracleTables {
    static final int ALL = Measurements.AREA | Measurements.MEAN | Measurements.STD_DEV | Measurements.MIN_MAX
        | Measurements.MODE | Measurements.CENTROID | Measurements.CENTER_OF_MASS | Measurements.PERIMETER
        | Measurements.RECT | Measurements.ELLIPSE | Measurements.SHAPE_DESCRIPTORS | Measurements.FERET
        | Measurements.INTEGRATED_DENSITY | Measurements.MEDIAN | Measurements.SKEWNESS | Measurements.KURTOSIS;

    public static void main(String[] arguments) throws Exception {
        System.setProperty("java.awt.headless", "true");
        Prefs.blackBackground = true;
        if (arguments[0].equals("version")) System.out.println(IJ.getVersion());
        else
            for (String line : Files.readAllLines(Paths.get(arguments[1])))
                if (arguments[0].equals("thresholds")) thresholds(line.split(","));
                else particles(line.split("\t"));
        System.out.flush();
        System.exit(0);
    }

    /** name, 256 counts: prints name, method and threshold. */
    static void thresholds(String[] fields) {
        int[] histogram = new int[fields.length - 1];
        for (int i = 0; i < histogram.length; i++) histogram[i] = Integer.parseInt(fields[i + 1]);
        for (String method : AutoThresholder.getMethods()) {
            String threshold = "none";  // of an empty histogram, ImageJ's Intermodes runs out of bounds
            try {
                threshold = "" + new AutoThresholder().getThreshold(method, histogram.clone());
            } catch (ArrayIndexOutOfBoundsException noAnswer) { }
            System.out.println(fields[0] + "," + method + "," + threshold);
        }
    }

    /** mask (0/255), intensity or -, options, least and largest size, least and largest circularity, answer. */
    static void particles(String[] job) throws Exception {
        ImagePlus mask = new Opener().openImage(job[0]);
        mask.getProcessor().setThreshold(255, 255, ImageProcessor.NO_LUT_UPDATE);
        int options = 0;
        if (job[2].contains("edges")) options |= ParticleAnalyzer.EXCLUDE_EDGE_PARTICLES;
        if (job[2].contains("holes")) options |= ParticleAnalyzer.INCLUDE_HOLES;
        if (job[2].contains("four")) options |= ParticleAnalyzer.FOUR_CONNECTED;
        Analyzer.setRedirectImage(job[1].equals("-") ? null : new Opener().openImage(job[1]));
        ResultsTable table = new ResultsTable();
        ParticleAnalyzer analyzer = new ParticleAnalyzer(options, ALL, table, Double.parseDouble(job[3]),
            Double.parseDouble(job[4]), Double.parseDouble(job[5]), Double.parseDouble(job[6]));
        analyzer.setHideOutputImage(true);
        if (!analyzer.analyze(mask)) throw new RuntimeException("ImageJ refused " + job[0]);
        Analyzer.setRedirectImage(null);
        try (PrintWriter answer = new PrintWriter(job[7], "UTF-8")) {
            StringBuilder header = new StringBuilder();
            for (String name : table.getHeadings())
                if (table.columnExists(name)) header.append(header.length() > 0 ? "," : "").append(name);
            answer.println(header);
            for (int row = 0; row < table.size(); row++) {
                StringBuilder line = new StringBuilder();
                for (String name : header.toString().split(","))
                    line.append(line.length() > 0 ? "," : "").append(table.getValue(name, row));
                answer.println(line);
            }
        }
    }
}
