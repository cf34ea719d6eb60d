package org.kws;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** What a model file says about itself, as far as an engine needs it; each value is checked against its range. */
final class Spec {
    static final int SAMPLE_RATE_HZ = 16000;
    private static final int FORMAT = 1;
    private static final int MAX_NAME_CHARS = 100;
    private static final double MAX_STATE_VALUES = 4e6;

    final String name;
    final List<String> keywords;
    final int stepFrames;
    final FrontEndSettings frontEnd;
    final List<Rule> rules;
    /** Number of values of each state, in the order of the operations that own them. */
    final long[] stateSizes;

    Spec(String text) throws ModelFileException {
        Map<String, Object> values = Json.parse(text, "training");
        int format = integer(values, "format", 0, 0, Integer.MAX_VALUE);
        if (format < 1 || format > FORMAT) {
            throw new ModelFileException("the spec has format " + format + "; this library reads " + FORMAT);
        }
        name = printable(values.get("name"), "name");
        keywords = keywords(values.get("keywords"));
        stepFrames = integer(values, "step_frames", 1, 1, 1000);
        Object input = values.containsKey("input") ? values.get("input") : "features";
        if (!"features".equals(input)) {
            throw new ModelFileException("the spec has another input than features");
        }
        frontEnd = new FrontEndSettings(table(values, "front_end"));
        rules = rules(table(values, "decision"));
        stateSizes = stateSizes(values.get("states"));
    }

    int stepSamples() {
        return stepFrames * frontEnd.hopSamples;
    }

    double stepSeconds() {
        return (double) stepSamples() / SAMPLE_RATE_HZ;
    }

    private static List<String> keywords(Object value) throws ModelFileException {
        List<String> found = new ArrayList<String>();
        for (Object item : list(value, "keywords")) {
            String keyword = printable(item, "keywords");
            if (found.contains(keyword)) {
                throw new ModelFileException("the keyword " + keyword + " stands there twice");
            }
            found.add(keyword);
            if (found.size() > 1000) {
                throw new ModelFileException("there are over 1000 keywords");
            }
        }
        if (found.isEmpty()) {
            throw new ModelFileException("the model has no keyword");
        }
        return Collections.unmodifiableList(found);
    }

    private List<Rule> rules(Map<String, Object> stated) throws ModelFileException {
        for (String keyword : stated.keySet()) {
            if (!keywords.contains(keyword)) {
                throw new ModelFileException("there is a decision rule for another word than the keywords");
            }
        }
        List<Rule> found = new ArrayList<Rule>();
        for (String keyword : keywords) {
            found.add(new Rule(table(stated, keyword)));
        }
        return found;
    }

    private static long[] stateSizes(Object value) throws ModelFileException {
        List<Object> states = value == null ? Collections.<Object>emptyList() : list(value, "states");
        long[] sizes = new long[states.size()];
        for (int i = 0; i < sizes.length; i++) {
            double size = 1;
            for (Object axis : list(Json.object(states.get(i), "a state").get("shape"), "the shape of a state")) {
                size *= number(axis, "the shape of a state", 1, MAX_STATE_VALUES);
            }
            sizes[i] = (long) Math.min(size, 2 * MAX_STATE_VALUES);
        }
        return sizes;
    }

    static Map<String, Object> table(Map<String, Object> values, String key) throws ModelFileException {
        return values.containsKey(key)
                ? Json.object(values.get(key), key)
                : Collections.<String, Object>emptyMap();
    }

    @SuppressWarnings("unchecked")
    static List<Object> list(Object value, String name) throws ModelFileException {
        if (!(value instanceof List)) {
            throw new ModelFileException(name + " is no list");
        }
        return (List<Object>) value;
    }

    static double number(Map<String, Object> values, String key, double otherwise, double low, double high)
            throws ModelFileException {
        return values.containsKey(key) ? number(values.get(key), key, low, high) : otherwise;
    }

    static double number(Object value, String name, double low, double high) throws ModelFileException {
        // Written so that NaN is out of every range.
        if (!(value instanceof Double) || !((Double) value >= low && (Double) value <= high)) {
            throw new ModelFileException(name + " is no number from " + low + " to " + high);
        }
        return (Double) value;
    }

    static int integer(Map<String, Object> values, String key, int otherwise, int low, int high)
            throws ModelFileException {
        double value = number(values, key, otherwise, low, high);
        if (value != Math.rint(value)) {
            throw new ModelFileException(key + " is no whole number");
        }
        return (int) value;
    }

    private static String printable(Object value, String name) throws ModelFileException {
        String text = value instanceof String ? (String) value : "";
        boolean isPrintable = !text.isEmpty() && text.length() <= MAX_NAME_CHARS && text.equals(text.trim());
        for (int i = 0; i < text.length(); i++) {
            isPrintable &= !Character.isISOControl(text.charAt(i));
        }
        if (!isPrintable) {
            throw new ModelFileException(name + " is not 1 to " + MAX_NAME_CHARS + " printable characters");
        }
        return text;
    }

    /** The rule that turns the scores of one keyword into events. */
    static final class Rule {
        final double threshold;
        final int smoothingSteps;
        final int patienceSteps;
        final double rearmRatio;
        final double refractorySeconds;

        Rule(Map<String, Object> values) throws ModelFileException {
            threshold = number(values, "threshold", 0.5, 0, 1);
            smoothingSteps = integer(values, "smoothing_steps", 1, 1, 1000);
            patienceSteps = integer(values, "patience_steps", 1, 1, 1000);
            rearmRatio = number(values, "rearm_ratio", 0.8, 0, 1);
            refractorySeconds = number(values, "refractory_s", 1, 0, 60);
        }

        private Rule(Rule other, double threshold) {
            this.threshold = threshold;
            smoothingSteps = other.smoothingSteps;
            patienceSteps = other.patienceSteps;
            rearmRatio = other.rearmRatio;
            refractorySeconds = other.refractorySeconds;
        }

        Rule withThreshold(double changed) {
            return new Rule(this, changed);
        }
    }

    /** How samples become features. */
    static final class FrontEndSettings {
        final boolean isPcen;
        final int windowSamples;
        final int hopSamples;
        final int fftSize;
        final int bands;
        final float floor;
        final float eps;

        FrontEndSettings(Map<String, Object> values) throws ModelFileException {
            Object compression = values.containsKey("compression") ? values.get("compression") : "log";
            isPcen = "pcen".equals(compression);
            if (!isPcen && !"log".equals(compression)) {
                throw new ModelFileException("the compression of the front-end is neither log nor pcen");
            }
            windowSamples = integer(values, "window_samples", 480, 16, 4096);
            fftSize = integer(values, "n_fft", 512, 16, 4096);
            hopSamples = integer(values, "hop_samples", 160, 1, 4096);
            bands = integer(values, "n_bands", 40, 1, 2049);
            if (windowSamples > fftSize || hopSamples > windowSamples || bands > fftSize / 2 + 1) {
                throw new ModelFileException("window, hop, FFT and bands of the front-end do not fit together");
            }
            floor = (float) number(values, "floor", 1e-8, 1e-12, 1);
            eps = (float) number(table(values, "pcen"), "eps", 1e-6, 1e-12, 1);
        }
    }
}
