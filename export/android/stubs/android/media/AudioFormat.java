package android.media;

import android.Stub;

/** See stubs/README.md. */
public final class AudioFormat {
    public static final int CHANNEL_IN_MONO = Stub.number();
    public static final int ENCODING_PCM_16BIT = Stub.number();
}
