"""A node's cache of layers as registries serve them: for what a layer that was analysed once still needs its bytes for.

That is a changed analyser, a retry, a file that a link makes evidence after all, a node that was lost. A first scan finds
nothing here; deduplication is what spares it work. The cache is never needed for correctness: without it, or where its disk
fails, blobs come from their registry.
"""
