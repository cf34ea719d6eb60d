package org.kws;

/** Complex Fourier transform of a power of two, in place, in double precision and without allocation. */
final class Fft {
    final int size;
    private final int[] reversed;
    private final double[] cosines;
    private final double[] sines;

    Fft(int size) {
        this.size = size;
        reversed = new int[size];
        int bits = Integer.numberOfTrailingZeros(size);
        for (int i = 0; i < size; i++) {
            reversed[i] = bits == 0 ? 0 : Integer.reverse(i) >>> (32 - bits);
        }
        cosines = new double[Math.max(1, size / 2)];
        sines = new double[Math.max(1, size / 2)];
        for (int i = 0; i < size / 2; i++) {
            cosines[i] = Math.cos(2 * Math.PI * i / size);
            sines[i] = -Math.sin(2 * Math.PI * i / size);
        }
    }

    /** Place in the arrays of {@link #transform} for element {@code i} of the input. */
    int place(int i) {
        return reversed[i];
    }

    /** Transforms what was put at {@link #place}. */
    void transform(double[] re, double[] im) {
        pairs(re, im);
        for (int half = 2; half < size; half *= 2) {
            int stride = size / (2 * half);
            for (int start = 0; start < size; start += 2 * half) {
                stage(re, im, start, half, stride);
            }
        }
    }

    private void pairs(double[] re, double[] im) {
        for (int i = 0; i + 1 < size; i += 2) {
            double a = re[i];
            double b = im[i];
            re[i] = a + re[i + 1];
            im[i] = b + im[i + 1];
            re[i + 1] = a - re[i + 1];
            im[i + 1] = b - im[i + 1];
        }
    }

    private void stage(double[] re, double[] im, int start, int half, int stride) {
        for (int k = 0; k < half; k++) {
            double c = cosines[k * stride];
            double s = sines[k * stride];
            int low = start + k;
            int high = low + half;
            double a = re[high] * c - im[high] * s;
            double b = re[high] * s + im[high] * c;
            re[high] = re[low] - a;
            im[high] = im[low] - b;
            re[low] += a;
            im[low] += b;
        }
    }
}
