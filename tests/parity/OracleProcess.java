import ij.IJ;
import ij.ImagePlus;
import ij.Prefs;
import ij.io.FileSaver;
import ij.io.Opener;
import ij.plugin.filter.BackgroundSubtracter;
import ij.plugin.filter.Binary;
import ij.plugin.filter.EDM;
import ij.plugin.filter.GaussianBlur;
import ij.plugin.filter.MaximumFinder;
import ij.plugin.filter.RankFilters;
import ij.process.ByteProcessor;
import ij.process.ColorProcessor;
import ij.process.ImageProcessor;
import java.awt.Polygon;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Paths;

/** Asks the real ImageJ, headless, for the steps of its Process menu: image, answer and parameters in every line. */
public class OracleProcess {
    public static void main(String[] arguments) throws Exception {
        System.setProperty("java.awt.headless", "true");
        Prefs.blackBackground = true;
        for (String line : Files.readAllLines(Paths.get(arguments[1]))) {
            String[] job = line.split("\t");
            ImagePlus image = new Opener().openImage(job[0]);
            if (image == null) throw new RuntimeException("ImageJ cannot open " + job[0]);
            long start = System.nanoTime();
            ImageProcessor result = null;
            try {
                if (arguments[0].equals("maxima")) maxima(image.getProcessor(), job);
                else result = process(arguments[0], image, job);
                if (result != null) new FileSaver(new ImagePlus("", result)).saveAsTiff(job[1]);
            } catch (RuntimeException failure) {
                System.out.println("failed\t" + job[1] + "\t" + failure);
            }
        }
        System.out.flush();
        System.exit(0);
    }

    static ImageProcessor process(String command, ImagePlus image, String[] job) {
        ImageProcessor pixels = image.getProcessor();
        if (command.equals("ball")) {  // radius, options
            String options = job[3];
            boolean light = options.contains("light"), smooth = !options.contains("rough");
            boolean paraboloid = options.contains("paraboloid"), background = options.contains("background");
            double radius = Double.parseDouble(job[2]);
            BackgroundSubtracter subtracter = new BackgroundSubtracter();
            if (pixels instanceof ColorProcessor && options.contains("brightness"))
                subtracter.rollingBallBrightnessBackground((ColorProcessor) pixels, radius, background, light, paraboloid, smooth, true);
            else subtracter.rollingBallBackground(pixels, radius, background, light, paraboloid, smooth, true);
            return pixels;
        }
        if (command.equals("distance")) return new EDM().makeFloatEDM(pixels, 0, job[2].equals("true"));
        if (command.equals("watershed")) new EDM().toWatershed(pixels);
        if (command.equals("menu")) {  // name of the EDM filter's command
            EDM filter = new EDM();
            filter.setup(job[2], image);
            filter.run(pixels);
        }
        if (command.equals("holes")) {
            Binary filter = new Binary();
            filter.setup("fill", image);
            filter.run(pixels);
        }
        if (command.equals("gaussian")) pixels.blurGaussian(Double.parseDouble(job[2]));
        if (command.equals("median")) new RankFilters().rank(pixels, Double.parseDouble(job[2]), RankFilters.MEDIAN);
        return pixels;
    }

    /** prominence, threshold or none, options: writes y and x of every maximum. */
    static void maxima(ImageProcessor pixels, String[] job) throws Exception {
        double prominence = Double.parseDouble(job[2]);
        double threshold = job[3].equals("none") ? ImageProcessor.NO_THRESHOLD : Double.parseDouble(job[3]);
        boolean strict = job[4].contains("strict"), edges = job[4].contains("edges"), edm = job[4].contains("edm");
        ImageProcessor dots = new MaximumFinder().findMaxima(
            pixels, prominence, strict, threshold, MaximumFinder.SINGLE_POINTS, edges, edm);
        try (PrintWriter answer = new PrintWriter(job[1], "UTF-8")) {
            if (threshold == ImageProcessor.NO_THRESHOLD && !edm) {
                Polygon points = new MaximumFinder().getMaxima(pixels, prominence, strict, edges);
                for (int i = 0; i < points.npoints; i++)
                    answer.println("order\t" + points.ypoints[i] + "\t" + points.xpoints[i]);
            }
            for (int y = 0; dots != null && y < dots.getHeight(); y++)
                for (int x = 0; x < dots.getWidth(); x++)
                    if (dots.get(x, y) == 255) answer.println("dot\t" + y + "\t" + x);
        }
    }
}
