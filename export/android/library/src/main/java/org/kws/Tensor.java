package org.kws;

import java.util.Arrays;

/** Numbers with a shape, the last axis running fastest. */
final class Tensor {
    final int[] shape;
    final float[] values;

    Tensor(int[] shape, float[] values) {
        this.shape = shape;
        this.values = values;
    }

    /** Throws unless the shape is this one. */
    Tensor require(String name, int... wanted) throws ModelFileException {
        if (!Arrays.equals(shape, wanted)) {
            throw new ModelFileException(
                    name + " has the shape " + Arrays.toString(shape) + "; accepted is " + Arrays.toString(wanted));
        }
        return this;
    }

    /** Throws unless there are so many axes. */
    Tensor requireAxes(String name, int wanted) throws ModelFileException {
        if (shape.length != wanted) {
            throw new ModelFileException(name + " has " + shape.length + " axes; accepted are " + wanted);
        }
        return this;
    }
}
