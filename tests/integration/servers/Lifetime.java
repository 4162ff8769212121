package servers;

import java.io.Closeable;
import java.io.IOException;

/** When a launched node ends: properly on SIGTERM, and in any case together with the process that started it. */
public final class Lifetime {
    private Lifetime() { }

    /** What starts a node. */
    public interface Start {
        Closeable run() throws Exception;
    }

    /**
     * Runs a node until this process is told to stop. Standard input ends when whoever started this process is gone, however it died:
     * then nothing is left worth closing properly.
     */
    public static void of(Start start) {
        // No daemon: this thread, and none of the node's own, keeps the process alive.
        new Thread(() -> {
            try {
                while (System.in.read() >= 0) { }
            } catch (IOException error) {
                error.printStackTrace();
            }
            Runtime.getRuntime().halt(1);
        }, "parent-watch").start();
        try {
            Closeable node = start.run();
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                try {
                    node.close();
                } catch (IOException error) {
                    error.printStackTrace();
                }
            }, "node-close"));
        } catch (Throwable error) {
            error.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
    }
}
