"""The gateways, in the order of the tables' columns."""

from benchmarks.gateways.base import Gateway
from benchmarks.gateways.direct import Direct
from benchmarks.gateways.imagegate import Imagegate
from benchmarks.gateways.litellm import LiteLLM
from benchmarks.gateways.nginx import Nginx
from benchmarks.gateways.portkey import Portkey

GATEWAYS: tuple[Gateway, ...] = (
    Direct(),
    Nginx(),
    Nginx("nginx-64k", "nginx, 64 KB buffers", 64),
    Imagegate(),
    LiteLLM(),
    Portkey(),
)
OURS = ("direct", "nginx", "imagegate")
PEERS = ("litellm", "portkey")
