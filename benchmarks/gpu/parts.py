"""The parts, in the order in which they run."""

from benchmarks.gpu.schedule import Part

HERE = "benchmarks.gpu"
PARTS = (
    Part("machine", f"{HERE}.machine:measure", "Machine", 15, 40),
    Part("tests", f"{HERE}.device_tests:measure", "Tests marked gpu, on this device", 25, 100),
    Part("training", f"{HERE}.speed:training", "Training, eager", 50, 110),
    Part("embedding", f"{HERE}.speed:embedding", "Embedding", 12, 25),
    Part("scoring", f"{HERE}.stages:scoring", "Scoring and re-ranking", 25, 50),
    Part("packing", f"{HERE}.stages:packing", "Packing on all cores", 10, 25),
    Part("renderer", f"{HERE}.stages:renderer", "Renderer", 10, 25),
    Part("jobs", f"{HERE}.jobs:measure", "Several jobs on one device", 30, 60),
    # After what is quick: a first compiled step takes from half a minute to a minute.
    Part("compiled", f"{HERE}.speed:compiled", "Training, compiled and with CUDA graphs", 60, 130),
    Part("learning", f"{HERE}.learning:learns", "Does `fast` learn?", 80, 100),
    Part("sweep", f"{HERE}.learning:sweep", "Learning rate of `fast`", 30, 600),
)
# Of a rehearsal on a processor.
REHEARSAL_SECONDS = 600.0  # for each part: a processor may be slow or busy
