package org.kws;

/** Power spectrum of real frames: {@code |rfft(frame)|^2} for any length. */
abstract class Spectrum {
    final int size;

    private Spectrum(int size) {
        this.size = size;
    }

    static Spectrum of(int size) {
        return Integer.bitCount(size) == 1 ? new PowerOfTwo(size) : new AnySize(size);
    }

    /**
     * Computes the power of {@code size / 2 + 1} bins.
     *
     * @param samples the frame begins at {@code start}; it is as long as the window, and zeros follow it
     */
    abstract void power(float[] samples, int start, float[] window, float[] out);

    /** Real input as half as many complex numbers, taken apart afterwards. */
    private static final class PowerOfTwo extends Spectrum {
        private final Fft fft;
        private final double[] re;
        private final double[] im;
        private final double[] cosines;
        private final double[] sines;

        PowerOfTwo(int size) {
            super(size);
            int half = size / 2;
            fft = new Fft(half);
            re = new double[half];
            im = new double[half];
            cosines = new double[half / 2 + 1];
            sines = new double[half / 2 + 1];
            for (int k = 0; k <= half / 2; k++) {
                cosines[k] = Math.cos(2 * Math.PI * k / size);
                sines[k] = Math.sin(2 * Math.PI * k / size);
            }
        }

        @Override
        void power(float[] samples, int start, float[] window, float[] out) {
            int half = size / 2;
            int whole = window.length / 2;
            for (int i = 0; i < whole; i++) {
                int place = fft.place(i);
                re[place] = samples[start + 2 * i] * window[2 * i];
                im[place] = samples[start + 2 * i + 1] * window[2 * i + 1];
            }
            for (int i = whole; i < half; i++) {
                int place = fft.place(i);
                re[place] = 2 * i < window.length ? samples[start + 2 * i] * window[2 * i] : 0;
                im[place] = 0;
            }
            fft.transform(re, im);
            takeApart(out);
        }

        private void takeApart(float[] out) {
            int half = size / 2;
            double first = re[0] + im[0];
            double last = re[0] - im[0];
            out[0] = (float) (first * first);
            out[half] = (float) (last * last);
            for (int k = 1; k <= half / 2; k++) {
                double evenRe = 0.5 * (re[k] + re[half - k]);
                double evenIm = 0.5 * (im[k] - im[half - k]);
                double oddRe = 0.5 * (im[k] + im[half - k]);
                double oddIm = 0.5 * (re[half - k] - re[k]);
                double turnedRe = oddRe * cosines[k] + oddIm * sines[k];
                double turnedIm = oddIm * cosines[k] - oddRe * sines[k];
                out[k] = square(evenRe + turnedRe, evenIm + turnedIm);
                out[half - k] = square(evenRe - turnedRe, turnedIm - evenIm);
            }
        }
    }

    /** Bluestein's algorithm: a transform of any length as a convolution, by transforms of a power of two. */
    private static final class AnySize extends Spectrum {
        private final Fft fft;
        private final double[] re;
        private final double[] im;
        private final double[] re2;
        private final double[] im2;
        private final double[] chirpRe;
        private final double[] chirpIm;
        private final double[] filterRe;
        private final double[] filterIm;

        AnySize(int size) {
            super(size);
            int padded = Integer.highestOneBit(2 * size) * 2;
            fft = new Fft(padded);
            re = new double[padded];
            im = new double[padded];
            re2 = new double[padded];
            im2 = new double[padded];
            chirpRe = new double[size];
            chirpIm = new double[size];
            for (int i = 0; i < size; i++) {
                // The square modulo the period, so that the angle stays exact.
                double angle = Math.PI * ((long) i * i % (2L * size)) / size;
                chirpRe[i] = Math.cos(angle);
                chirpIm[i] = -Math.sin(angle);
            }
            filterRe = new double[padded];
            filterIm = new double[padded];
            for (int i = 0; i < size; i++) {
                filterRe[fft.place(i)] = chirpRe[i];
                filterIm[fft.place(i)] = -chirpIm[i];
                if (i > 0) {
                    filterRe[fft.place(padded - i)] = chirpRe[i];
                    filterIm[fft.place(padded - i)] = -chirpIm[i];
                }
            }
            fft.transform(filterRe, filterIm);
        }

        @Override
        void power(float[] samples, int start, float[] window, float[] out) {
            int padded = fft.size;
            for (int i = 0; i < padded; i++) {
                int place = fft.place(i);
                double sample = i < window.length ? samples[start + i] * window[i] : 0;
                re[place] = i < size ? sample * chirpRe[i] : 0;
                im[place] = i < size ? sample * chirpIm[i] : 0;
            }
            fft.transform(re, im);
            for (int i = 0; i < padded; i++) {
                // Conjugated, so that the forward transform is the inverse one.
                int place = fft.place(i);
                re2[place] = re[i] * filterRe[i] - im[i] * filterIm[i];
                im2[place] = -(re[i] * filterIm[i] + im[i] * filterRe[i]);
            }
            fft.transform(re2, im2);
            for (int i = 0; i <= size / 2; i++) {
                out[i] = square(re2[i] / padded, im2[i] / padded);
            }
        }
    }

    private static float square(double re, double im) {
        return (float) (re * re + im * im);
    }
}
