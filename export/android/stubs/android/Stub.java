package android;

/** Values that are no constants, so that a class compiled against them reads the platform's own. */
public final class Stub {
    private Stub() {}

    public static int number() {
        return 0;
    }

    public static String text() {
        return "";
    }
}
