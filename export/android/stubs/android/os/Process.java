package android.os;

import android.Stub;

/** See stubs/README.md. */
public class Process {
    public static final int THREAD_PRIORITY_URGENT_AUDIO = Stub.number();
    public static final int THREAD_PRIORITY_AUDIO = Stub.number();

    public static final void setThreadPriority(int priority) {}
}
