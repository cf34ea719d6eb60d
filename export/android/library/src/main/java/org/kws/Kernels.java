package org.kws;

/**
 * The inner loops. Their form is what Java's compilers turn into vector instructions: separate arrays for the rows
 * of a matrix, four rows at a time, one index from zero and no offsets. A dot product is not: its order of additions is fixed.
 */
final class Kernels {
    private Kernels() {}

    /** Adds {@code rows[first + k] * x[offset + k]} for {@code count} rows to as many values of {@code y}. */
    static void addRows(float[][] rows, int first, float[] x, int offset, int count, float[] y, int length) {
        int k = 0;
        for (; k + 4 <= count; k += 4) {
            int row = first + k;
            int at = offset + k;
            addFour(rows[row], rows[row + 1], rows[row + 2], rows[row + 3], x[at], x[at + 1], x[at + 2], x[at + 3],
                    y, length);
        }
        for (; k < count; k++) {
            addOne(rows[first + k], x[offset + k], y, length);
        }
    }

    private static void addFour(float[] a, float[] b, float[] c, float[] d, float xa, float xb, float xc, float xd,
            float[] y, int length) {
        for (int i = 0; i < length; i++) {
            y[i] += (xa * a[i] + xb * b[i]) + (xc * c[i] + xd * d[i]);
        }
    }

    private static void addOne(float[] row, float x, float[] y, int length) {
        for (int i = 0; i < length; i++) {
            y[i] += x * row[i];
        }
    }

    /** Adds {@code weight[i] * x[i]} to {@code y[i]}. */
    static void addProducts(float[] weight, float[] x, float[] y) {
        for (int i = 0; i < weight.length; i++) {
            y[i] += weight[i] * x[i];
        }
    }

    /**
     * Replaces each of {@code length} values by its hyperbolic tangent, to 3e-7.
     *
     * <p>A quotient of polynomials of degree 13 and 6 in the range where the result is not 1 in float; coefficients of
     * Eigen's {@code generic_fast_tanh_float}. {@code Math.tanh} costs many times as much.
     */
    static void tanh(float[] values, int length) {
        for (int i = 0; i < length; i++) {
            float x = Math.max(-7.905311f, Math.min(7.905311f, values[i]));
            float s = x * x;
            float p = -2.76076847742355e-16f;
            p = p * s + 2.00018790482477e-13f;
            p = p * s - 8.60467152213735e-11f;
            p = p * s + 5.12229709037114e-08f;
            p = p * s + 1.48572235717979e-05f;
            p = p * s + 6.37261928875436e-04f;
            p = p * s + 4.89352455891786e-03f;
            float q = 1.19825839466702e-06f;
            q = q * s + 1.18534705686654e-04f;
            q = q * s + 2.26843463243900e-03f;
            q = q * s + 4.89352518554385e-03f;
            values[i] = x * p / q;
        }
    }
}
