package android.content.pm;

import android.Stub;

/** See stubs/README.md. */
public abstract class PackageManager {
    public static final int PERMISSION_GRANTED = Stub.number();
}
