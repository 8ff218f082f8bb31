"""A stand-in for mmcv's compiled module `mmcv._ext`.

A plain install of mmcv holds no compiled ops, and `mmcv.ops` (which mmdet imports as a whole)
does not import without `mmcv._ext`. Mask2Former needs no compiled op: its deformable attention
has a PyTorch version, which mmcv itself takes on a CPU because no CPU kernel exists. So a module
whose ops exist, and raise when called, is enough. On a GPU mmcv would call the compiled op;
`prepare_mmseg` makes it take the PyTorch version there too. To have the compiled one, compile
mmcv (docs/install.md); it is then found and used.
"""

import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

EXT = "mmcv._ext"
HELP = "this mmcv was installed without compiled ops; docs/install.md says how to compile them"


class _StandIn(ModuleType):
    """A module in which every op exists and raises when called."""

    def __init__(self):
        super().__init__(EXT, doc=__doc__)
        # Importlib, and mmcv's own check_ops_exist, ask a loaded module for its spec.
        self.__spec__ = ModuleSpec(EXT, loader=None, origin="replidg")
        # Environment reports print these two.
        self.get_compiler_version = lambda: "n/a"
        self.get_compiling_cuda_version = lambda: "not available"

    def __getattr__(self, name):
        # Dunder names are importlib's and inspect's questions about the module, not ops.
        if name.startswith("__"):
            raise AttributeError(name)

        def op(*args, **kwargs):
            raise NotImplementedError(f"mmcv op {name}: {HELP}")

        return op


def prepare_mmseg():
    """Make mmseg and mmdet importable, with compiled mmcv ops or without.

    Returns:
        "compiled" where mmcv's ops are compiled, otherwise "pytorch".
    """
    if isinstance(sys.modules.get(EXT), _StandIn):
        return "pytorch"
    if importlib.util.find_spec(EXT) is not None:
        return "compiled"
    sys.modules[EXT] = _StandIn()
    from mmcv.ops import multi_scale_deform_attn

    # The flag is read at every call to decide between the compiled op and the PyTorch version.
    multi_scale_deform_attn.IS_CUDA_AVAILABLE = False
    return "pytorch"
