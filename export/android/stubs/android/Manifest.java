package android;

/** See stubs/README.md. */
public final class Manifest {
    public static final class permission {
        public static final String RECORD_AUDIO = Stub.text();
        public static final String POST_NOTIFICATIONS = Stub.text();
    }
}
