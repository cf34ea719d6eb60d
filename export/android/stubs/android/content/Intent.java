package android.content;

/** See stubs/README.md. */
public class Intent {
    public Intent(Context context, Class<?> target) {}
}
