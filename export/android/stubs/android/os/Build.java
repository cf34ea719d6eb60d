package android.os;

import android.Stub;

/** See stubs/README.md. */
public class Build {
    public static class VERSION {
        public static final int SDK_INT = Stub.number();
    }
}
