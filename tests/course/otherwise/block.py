# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


class Block(Block):
    def branch(self, x, norm, step, drop_path, **options):
        """Give x + h, with the caches of the three steps of h."""
        h, c_norm = norm.forward(x)
        h, c_step = step.forward(h, **options)
        h, c_drop = drop_path.forward(h, rng=options["rng"])
        return x + h, (c_norm, c_step, c_drop)

    def forward(self, x, *, mask=None, rng=None):
        x, first = self.branch(x, self.norm1, self.attn, self.drop_path1, mask=mask, rng=rng)
        x, second = self.branch(x, self.norm2, self.mlp, self.drop_path2, rng=rng)
        return x, BlockCache(*first, *second)

    def backward(self, dy, cache):
        for norm, step, drop in (("norm2", "mlp", "drop_path2"), ("norm1", "attn", "drop_path1")):
            dh = dy
            for name in (drop, step, norm):
                dh = getattr(self, name).backward(dh, getattr(cache, name))
            dy = dh + dy
        return dy
