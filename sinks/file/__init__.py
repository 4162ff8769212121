"""The file sink: exactly once by its size in the snapshot, and the archives that later readers find."""
