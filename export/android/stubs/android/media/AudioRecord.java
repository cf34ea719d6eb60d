package android.media;

import android.Stub;

/** See stubs/README.md. */
public class AudioRecord {
    public static final int STATE_INITIALIZED = Stub.number();

    public AudioRecord(int source, int rateHz, int channels, int encoding, int bufferBytes) {}

    public static int getMinBufferSize(int rateHz, int channels, int encoding) {
        return 0;
    }

    public int getState() {
        return 0;
    }

    public void startRecording() {}

    public int read(short[] samples, int offset, int length) {
        return 0;
    }

    public void stop() {}

    public void release() {}
}
