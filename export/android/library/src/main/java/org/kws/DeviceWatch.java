package org.kws;

/** What the reads tell about the health of the microphone, and how long to wait before it is opened again; for two threads. */
public final class DeviceWatch {
    private static final double STALL_S = 1.0;
    private static final double FIRST_DELAY_S = 1.0;
    private static final double MAX_DELAY_S = 10.0;
    // Microphones have noise: digital silence for so long means one that was switched off or taken by another app.
    private static final double FIRST_SILENCE_S = 3.0;
    private static final double MAX_SILENCE_S = 60.0;

    private double silenceS = FIRST_SILENCE_S;
    private double delayS = FIRST_DELAY_S;
    private double heardS;
    private double soundedS;
    private boolean hasSounded;
    private boolean isSilentAgain;

    /** Starts with a device that was opened just now. */
    public DeviceWatch(double nowS) {
        heardS = nowS;
        soundedS = nowS;
    }

    /** The device was opened. */
    public synchronized void opened(double nowS) {
        heardS = nowS;
        soundedS = nowS;
    }

    /** Samples came. */
    public synchronized void heard(double nowS, short[] samples, int length) {
        heardS = nowS;
        for (int i = 0; i < length; i++) {
            if (samples[i] != 0) {
                soundedS = nowS;
                hasSounded = true;
                isSilentAgain = false;
                silenceS = FIRST_SILENCE_S;
                delayS = FIRST_DELAY_S;
                return;
            }
        }
    }

    /** Returns why the device is to be opened again; null if all is well. */
    public synchronized String problem(double nowS) {
        if (nowS - heardS > STALL_S) {
            return "the microphone delivers nothing";
        }
        if (hasSounded && nowS - soundedS > silenceS) {
            // A switched-off microphone is looked after now and then, without another word about it.
            isSilentAgain = silenceS > FIRST_SILENCE_S;
            silenceS = Math.min(2 * silenceS, MAX_SILENCE_S);
            return "digital silence: the microphone may be switched off, or another app uses it";
        }
        return null;
    }

    /** Whether the last problem is silence that was told already. */
    public synchronized boolean isKnown() {
        return isSilentAgain;
    }

    /** Returns how long to wait before the next attempt to open; longer each time until there is sound. */
    public synchronized double nextDelayS() {
        double now = delayS;
        delayS = Math.min(2 * delayS, MAX_DELAY_S);
        return now;
    }
}
