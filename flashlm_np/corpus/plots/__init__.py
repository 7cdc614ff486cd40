"""The plots, one file each: what happens, and which words must agree with which."""

from flashlm_np.corpus.plots import gift, lost, noise, promise, rescue, seed, share, wish

PLOTS = [plot.PLOT for plot in (lost, wish, promise, gift, seed, share, rescue, noise)]
