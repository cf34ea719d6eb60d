package android.media;

/** A microphone that hears a recording in real time, and fails where the test says so. */
public class AudioRecord {
    public static final int STATE_INITIALIZED = 1;
    private static final int ERROR_DEAD_OBJECT = -6;
    private static final int ERROR_INVALID_OPERATION = -3;
    private static final double RATE_HZ = 16000;

    /** The recording; it begins when the first one is opened, and silence follows it. */
    public static short[] audio;
    /** Seconds of the recording at which a read fails, hangs or begins to give zeros; infinity for never. */
    public static double diesAtS = Double.POSITIVE_INFINITY;
    public static double hangsAtS = Double.POSITIVE_INFINITY;
    public static double silentFromS = Double.POSITIVE_INFINITY;
    /** How many attempts to open fail at first. */
    public static int refusals;
    public static int nOpened;
    public static int nReleased;
    private static long beganNs;

    private final boolean isRefused;
    private volatile boolean isStopped;
    private boolean isDead;
    private long place;

    public AudioRecord(int source, int rateHz, int channels, int encoding, int bufferBytes) {
        if (source != 6 || rateHz != 16000 || channels != 16 || encoding != 2 || bufferBytes < 10000) {
            throw new IllegalArgumentException("another format");
        }
        isRefused = refusals-- > 0;
        nOpened++;
        if (beganNs == 0 && !isRefused) {
            beganNs = System.nanoTime();
        }
        place = elapsed();
    }

    private static long elapsed() {
        return (long) ((System.nanoTime() - beganNs) * 1e-9 * RATE_HZ);
    }

    public static int getMinBufferSize(int rateHz, int channels, int encoding) {
        return 1280;
    }

    public int getState() {
        return isRefused ? 0 : STATE_INITIALIZED;
    }

    public void startRecording() {}

    public int read(short[] samples, int offset, int length) {
        while (!isStopped && (elapsed() < place + length || place / RATE_HZ > hangsAtS)) {
            try {
                Thread.sleep(2);
            } catch (InterruptedException stopped) {
                return ERROR_INVALID_OPERATION;
            }
        }
        if (isStopped) {
            hangsAtS = Double.POSITIVE_INFINITY;
            return ERROR_INVALID_OPERATION;
        }
        if (place / RATE_HZ > diesAtS) {
            diesAtS = Double.POSITIVE_INFINITY;
            return ERROR_DEAD_OBJECT;
        }
        for (int i = 0; i < length; i++, place++) {
            boolean isSilent = place >= audio.length || place / RATE_HZ > silentFromS;
            samples[offset + i] = isSilent ? 0 : audio[(int) place];
        }
        return length;
    }

    public void stop() {
        isStopped = true;
    }

    public void release() {
        nReleased++;
    }
}
