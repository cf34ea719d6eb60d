package android.widget;

import android.content.Context;

/** See stubs/README.md. */
public class Button extends TextView {
    public Button(Context context) {
        super(context);
    }
}
