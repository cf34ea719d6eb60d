package android.view;

/** See stubs/README.md. */
public class View {
    public interface OnClickListener {
        void onClick(View view);
    }

    public void setOnClickListener(OnClickListener listener) {}

    public void setFitsSystemWindows(boolean fits) {}
}
