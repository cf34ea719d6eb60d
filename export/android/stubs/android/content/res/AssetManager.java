package android.content.res;

import java.io.IOException;
import java.io.InputStream;

/** See stubs/README.md. */
public final class AssetManager {
    public InputStream open(String name) throws IOException {
        return null;
    }
}
