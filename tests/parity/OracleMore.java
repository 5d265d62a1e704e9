import ij.IJ;
import ij.ImagePlus;
import ij.Prefs;
import ij.gui.ProfilePlot;
import ij.gui.Roi;
import ij.io.Opener;
import ij.measure.Measurements;
import ij.process.AutoThresholder;
import ij.process.ImageConverter;
import ij.process.ImageProcessor;
import java.nio.file.Files;
import java.nio.file.Paths;

/** Asks the real ImageJ, headless, for thresholds of deep images and for the profiles of a gel's lanes. */
public class OracleMore {
    public static void main(String[] arguments) throws Exception {
        System.setProperty("java.awt.headless", "true");
        Prefs.blackBackground = true;
        if (arguments[0].equals("version")) System.out.println(IJ.getVersion());
        else
            for (String line : Files.readAllLines(Paths.get(arguments[1])))
                if (arguments[0].equals("deep")) deep(line.split("\t"));
                else lane(line.split("\t"));
        System.out.flush();
        System.exit(0);
    }

    /** image: prints image, method, background, lower and upper threshold, percent area. */
    static void deep(String[] job) {
        ImagePlus image = new Opener().openImage(job[0]);
        ImageProcessor pixels = image.getProcessor();
        for (String method : AutoThresholder.getMethods())
            for (String background : new String[] {"dark", "light"}) {
                pixels.resetThreshold();
                String answer = "none\tnone\tnone";
                try {
                    pixels.setAutoThreshold(method + (background.equals("dark") ? " dark" : ""));
                    answer = pixels.getMinThreshold() + "\t" + pixels.getMaxThreshold() + "\t" + image.getStatistics(
                        Measurements.AREA | Measurements.AREA_FRACTION | Measurements.LIMIT).areaFraction;
                } catch (ArrayIndexOutOfBoundsException noAnswer) { }
                System.out.println(String.join("\t", "answer", job[0], method, background, answer));
            }
    }

    /** image, x, y, width, height, options: prints the profile of a lane as the Gel Analyzer takes it. */
    static void lane(String[] job) {
        ImagePlus image = new Opener().openImage(job[0]);
        int x = Integer.parseInt(job[1]), y = Integer.parseInt(job[2]);
        int width = Integer.parseInt(job[3]), height = Integer.parseInt(job[4]);
        int imageWidth = image.getWidth();
        image = new ImagePlus("", image.getProcessor().rotateLeft());
        if (job[5].contains("od") && image.getBitDepth() != 8) new ImageConverter(image).convertToGray8();
        if (job[5].contains("invert")) {
            ImageProcessor inverted = image.getProcessor().duplicate();
            inverted.invert();
            image.setProcessor(null, inverted);
        }
        image.setRoi(new Roi(y, imageWidth - x - width, height, width));
        StringBuilder line = new StringBuilder("answer");
        for (double value : new ProfilePlot(image).getProfile())
            line.append("\t").append(job[5].contains("od") ? 0.434294481 * Math.log(255.0 / (255.0 - value)) : value);
        System.out.println(line);
    }
}
