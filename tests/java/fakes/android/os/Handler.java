package android.os;

/** Runs what is posted at once. */
public class Handler {
    public Handler(Looper looper) {}

    public final boolean post(Runnable work) {
        work.run();
        return true;
    }
}
