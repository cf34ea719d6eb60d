package android.content.pm;

import android.Stub;

/** See stubs/README.md. */
public class ServiceInfo {
    public static final int FOREGROUND_SERVICE_TYPE_MICROPHONE = Stub.number();
}
