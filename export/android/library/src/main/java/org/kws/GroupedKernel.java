package org.kws;

/**
 * A convolution in groups, over time and bands. Each weight meets one number of each output's group, so for every tap
 * the numbers that it meets are gathered and multiplied by a row of weights, all outputs at once.
 */
final class GroupedKernel {
    private final int taps;
    private final int tapFeatures;
    /** For each input of a group and band tap, where in a frame each output finds its number. */
    private final int[][] places;
    /** For each of these and each tap, the weights of all outputs; 0 where an output's tap lies beyond the edge. */
    private final float[][] rows;
    private final float[] gathered;

    /**
     * Takes the weights apart.
     *
     * @param sizes outputs, inputs of a group, band taps, taps
     * @param bands where output bands find their input
     * @param tapFeatures numbers from one tap's frame to the next one's
     */
    GroupedKernel(float[] weight, int[] sizes, int groups, BandGrid bands, int tapFeatures) {
        int nOutputs = sizes[0];
        int groupInputs = sizes[1];
        int bandTaps = sizes[2];
        taps = sizes[3];
        this.tapFeatures = tapFeatures;
        int outputs = nOutputs / groups;
        gathered = new float[nOutputs * bands.bandsOut];
        places = new int[groupInputs * bandTaps][gathered.length];
        rows = new float[places.length * taps][gathered.length];
        for (int output = 0; output < nOutputs; output++) {
            for (int part = 0; part < places.length; part++) {
                int channel = output / outputs * groupInputs + part / bandTaps;
                for (int band = 0; band < bands.bandsOut; band++) {
                    int bandIn = bands.first(band) + part % bandTaps;
                    if (bandIn < 0 || bandIn >= bands.nBands) {
                        continue;
                    }
                    int at = output * bands.bandsOut + band;
                    places[part][at] = channel * bands.nBands + bandIn;
                    for (int tap = 0; tap < taps; tap++) {
                        rows[part * taps + tap][at] = weight[(output * places.length + part) * taps + tap];
                    }
                }
            }
        }
    }

    /** Numbers that the tables of such a kernel hold. */
    static long tableSize(int[] sizes, long features) {
        return features * sizes[1] * sizes[2] * (1L + sizes[3]);
    }

    /** Adds the outputs of one step, whose oldest frame begins at {@code from}. */
    void run(float[] frames, int from, float[] sums) {
        for (int part = 0; part < places.length; part++) {
            for (int tap = 0; tap < taps; tap++) {
                gather(frames, from + tap * tapFeatures, places[part]);
                Kernels.addProducts(rows[part * taps + tap], gathered, sums);
            }
        }
    }

    private void gather(float[] frames, int from, int[] where) {
        for (int i = 0; i < where.length; i++) {
            gathered[i] = frames[from + where[i]];
        }
    }
}
