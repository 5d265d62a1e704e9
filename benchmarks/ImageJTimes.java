import ij.ImagePlus;
import ij.Prefs;
import ij.io.Opener;
import ij.measure.Measurements;
import ij.measure.ResultsTable;
import ij.plugin.filter.BackgroundSubtracter;
import ij.plugin.filter.EDM;
import ij.plugin.filter.ParticleAnalyzer;
import ij.process.ByteProcessor;
import ij.process.ImageProcessor;
import java.util.Arrays;

/**
 * Times ImageJ's steps in one warm process, in milliseconds, medians.
 *
 * <p>Arguments: an RGB picture, a binary picture (255 is foreground), a grey picture. The colour deconvolution is not in
 * ij.jar (it is a plugin); here is a restatement of its published formula, with an exponential per pixel, stain and
 * channel's sum, as the plugin computes it.
 */
public class ImageJTimes {
    static final double[] H_DAB = {0.650, 0.704, 0.286, 0.268, 0.570, 0.776, 0, 0, 0};
    static final int REPEATS = 9;
    static final int MEASUREMENTS = Measurements.AREA | Measurements.MEAN | Measurements.STD_DEV | Measurements.MIN_MAX
        | Measurements.MODE | Measurements.CENTROID | Measurements.CENTER_OF_MASS | Measurements.PERIMETER | Measurements.RECT
        | Measurements.ELLIPSE | Measurements.SHAPE_DESCRIPTORS | Measurements.FERET | Measurements.INTEGRATED_DENSITY
        | Measurements.MEDIAN | Measurements.SKEWNESS | Measurements.KURTOSIS;

    interface Step { void run() throws Exception; }

    static void time(String name, Step step) throws Exception {
        for (int k = 0; k < 4; k++) step.run();
        double[] times = new double[REPEATS];
        for (int k = 0; k < REPEATS; k++) {
            long began = System.nanoTime();
            step.run();
            times[k] = (System.nanoTime() - began) / 1e6;
        }
        Arrays.sort(times);
        System.out.println(name + "\t" + times[REPEATS / 2]);
    }

    static double[] inverse(double[] v) {
        double[] m = v.clone();
        for (int i = 0; i < 2; i++) {
            double n = Math.sqrt(m[3 * i] * m[3 * i] + m[3 * i + 1] * m[3 * i + 1] + m[3 * i + 2] * m[3 * i + 2]);
            for (int c = 0; c < 3; c++) m[3 * i + c] /= n;
        }
        double n = 0;
        for (int c = 0; c < 3; c++) {
            m[6 + c] = Math.sqrt(Math.max(0, 1 - m[c] * m[c] - m[3 + c] * m[3 + c]));
            n += m[6 + c] * m[6 + c];
        }
        for (int c = 0; c < 3; c++) m[6 + c] /= Math.sqrt(n);
        double a = m[0], b = m[1], c = m[2], d = m[3], e = m[4], f = m[5], g = m[6], h = m[7], i = m[8];
        double det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
        double[] q = {e * i - f * h, c * h - b * i, b * f - c * e, f * g - d * i, a * i - c * g, c * d - a * f,
            d * h - e * g, b * g - a * h, a * e - b * d};
        for (int k = 0; k < 9; k++) q[k] /= det;
        return q;
    }

    static ByteProcessor[] deconvolve(ImageProcessor rgb, double[] q) {
        int[] pixels = (int[]) rgb.getPixels();
        byte[][] planes = new byte[3][pixels.length];
        double log255 = Math.log(255.0);
        for (int k = 0; k < pixels.length; k++) {
            int p = pixels[k];
            double r = -255.0 * Math.log((((p >> 16) & 255) + 1) / 255.0) / log255;
            double g = -255.0 * Math.log((((p >> 8) & 255) + 1) / 255.0) / log255;
            double b = -255.0 * Math.log(((p & 255) + 1) / 255.0) / log255;
            for (int s = 0; s < 3; s++) {
                double sum = r * q[s] + g * q[3 + s] + b * q[6 + s];
                double out = Math.exp(-(sum - 255.0) * log255 / 255.0);
                planes[s][k] = (byte) (0xff & (int) Math.floor(Math.min(out, 255) + 0.5));
            }
        }
        ByteProcessor[] result = new ByteProcessor[3];
        for (int s = 0; s < 3; s++) result[s] = new ByteProcessor(rgb.getWidth(), rgb.getHeight(), planes[s], null);
        return result;
    }

    static double area(String path) {
        ImagePlus picture = new Opener().openImage(path);
        ByteProcessor plane = deconvolve(picture.getProcessor(), inverse(H_DAB))[1];
        plane.setAutoThreshold("Otsu");
        ImagePlus stain = new ImagePlus("stain", plane);
        return stain.getStatistics(Measurements.AREA | Measurements.AREA_FRACTION | Measurements.LIMIT).areaFraction;
    }

    public static void main(String[] a) throws Exception {
        System.setProperty("java.awt.headless", "true");
        Prefs.blackBackground = true;
        System.out.println("area_pct\t" + area(a[0]));
        time("read + deconvolution + Otsu + area", () -> area(a[0]));
        ByteProcessor binary = (ByteProcessor) new Opener().openImage(a[1]).getProcessor().convertToByte(false);
        ByteProcessor grey = (ByteProcessor) new Opener().openImage(a[2]).getProcessor().convertToByte(false);
        time("particles, all columns", () -> {
            ImagePlus picture = new ImagePlus("mask", binary.duplicate());
            picture.getProcessor().setThreshold(255, 255, ImageProcessor.NO_LUT_UPDATE);
            ResultsTable table = new ResultsTable();
            ParticleAnalyzer analyzer = new ParticleAnalyzer(0, MEASUREMENTS, table, 0, Double.POSITIVE_INFINITY, 0, 1);
            analyzer.setHideOutputImage(true);
            analyzer.analyze(picture);
        });
        time("watershed", () -> new EDM().toWatershed(binary.duplicate()));
        time("rolling ball 50", () ->
            new BackgroundSubtracter().rollingBallBackground(grey.duplicate(), 50, false, false, false, true, true));
    }
}
