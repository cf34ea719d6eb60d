package org.kws;

/** The frames of one value in one step: {@code data[frame * features + feature]}. */
final class Value {
    final int frames;
    final int features;
    final float[] data;

    Value(int frames, int features) {
        this.frames = frames;
        this.features = features;
        data = new float[frames * features];
    }

    /** Makes a value after its size was checked. */
    static Value of(long frames, long features, long macs, Budget budget) throws ModelFileException {
        if (frames < 1 || features < 1 || features > Input.MAX_AXIS) {
            throw new ModelFileException("an operation makes " + frames + " frames of " + features + " features");
        }
        budget.take(frames * features, macs);
        return new Value((int) frames, (int) features);
    }
}
