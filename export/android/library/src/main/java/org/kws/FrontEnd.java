package org.kws;

/** Samples of one model step to its feature frames, with all that is kept from step to step. */
final class FrontEnd {
    /** Parameters of PCEN, one a band; null for log features. */
    static final class Pcen {
        final float[] alpha;
        final float[] delta;
        final float[] root;
        final float[] smoothing;

        Pcen(float[] alpha, float[] delta, float[] root, float[] smoothing) {
            this.alpha = alpha;
            this.delta = delta;
            this.root = root;
            this.smoothing = smoothing;
        }
    }

    private final int hopSamples;
    private final int nFrames;
    private final int overlapSamples;
    private final float[] window;
    private final int[] firstBins;
    private final int[] starts;
    private final float[] weights;
    private final Pcen pcen;
    private final float eps;
    private final float[] smoothed;
    private final float[] offsets;
    private final Spectrum spectrum;
    private final float[] power;
    private final float[] energies;
    private final float[] samples;
    private int filled;

    /**
     * Takes the tables of the model file.
     *
     * @param firstBins first bin of each band
     * @param starts where the weights of each band begin in {@code weights}, and where those of the last one end
     */
    FrontEnd(Spec spec, float[] window, int[] firstBins, int[] starts, float[] weights, Pcen pcen) {
        Spec.FrontEndSettings settings = spec.frontEnd;
        hopSamples = settings.hopSamples;
        nFrames = spec.stepFrames;
        overlapSamples = settings.windowSamples - hopSamples;
        this.window = window;
        this.firstBins = firstBins;
        this.starts = starts;
        this.weights = pcen == null ? divided(weights, settings.floor) : weights;
        this.pcen = pcen;
        eps = settings.eps;
        smoothed = new float[settings.bands];
        offsets = new float[settings.bands];
        for (int band = 0; pcen != null && band < offsets.length; band++) {
            offsets[band] = (float) Math.pow(pcen.delta[band], pcen.root[band]);
        }
        spectrum = Spectrum.of(settings.fftSize);
        power = new float[settings.fftSize / 2 + 1];
        energies = new float[settings.bands];
        samples = new float[overlapSamples + spec.stepSamples()];
        reset();
    }

    // ln(E + floor) - ln(floor) is ln(E / floor + 1), and that form is exactly zero in silence.
    private static float[] divided(float[] weights, float floor) {
        float[] result = new float[weights.length];
        for (int i = 0; i < result.length; i++) {
            result[i] = weights[i] / floor;
        }
        return result;
    }

    /** Forgets all samples: what comes next follows silence. */
    void reset() {
        java.util.Arrays.fill(samples, 0, overlapSamples, 0f);
        java.util.Arrays.fill(smoothed, 0f);
        filled = overlapSamples;
    }

    /** Takes samples up to the end of the model step; returns how many. */
    int fill(short[] pcm16, int offset, int length) {
        int count = Math.min(length, samples.length - filled);
        for (int i = 0; i < count; i++) {
            samples[filled + i] = pcm16[offset + i] * (1f / 32768f);
        }
        filled += count;
        return count;
    }

    /** Whether the samples of a whole step are there. */
    boolean isFull() {
        return filled == samples.length;
    }

    /** Computes the frames of a full step and makes room for the next one. */
    void frames(float[] out) {
        int nBands = energies.length;
        for (int frame = 0; frame < nFrames; frame++) {
            spectrum.power(samples, frame * hopSamples, window, power);
            bandEnergies();
            if (pcen == null) {
                for (int band = 0; band < nBands; band++) {
                    out[frame * nBands + band] = (float) Math.log(energies[band] + 1f);
                }
            } else {
                compress(out, frame * nBands);
            }
        }
        System.arraycopy(samples, samples.length - overlapSamples, samples, 0, overlapSamples);
        filled = overlapSamples;
    }

    private void bandEnergies() {
        for (int band = 0; band < energies.length; band++) {
            int start = starts[band];
            int shift = firstBins[band] - start;
            float sum = 0f;
            for (int i = start; i < starts[band + 1]; i++) {
                sum += weights[i] * power[i + shift];
            }
            energies[band] = sum;
        }
    }

    private void compress(float[] out, int offset) {
        for (int band = 0; band < energies.length; band++) {
            float energy = energies[band];
            float smoothing = pcen.smoothing[band];
            float mean = smoothed[band] * (1f - smoothing) + energy * smoothing;
            smoothed[band] = mean;
            float gain = (float) Math.pow(mean + eps, -pcen.alpha[band]);
            float raised = (float) Math.pow(gain * energy + pcen.delta[band], pcen.root[band]);
            out[offset + band] = raised - offsets[band];
        }
    }
}
