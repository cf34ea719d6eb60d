package android.view;

/** See stubs/README.md. */
public abstract class ViewGroup extends View {
    public void addView(View view) {}
}
