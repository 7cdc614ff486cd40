/* The mixer is gated causal convolutions. Each sees the last rows of its normed input: a ring
   for each recursion and layer. */
enum { C = D / GROUPS }; /* channels of a group */
static float ring[RECURSIONS][LAYERS][LONGEST][D];

/* One output of a causal convolution of the rows in `past`. The newest row is at `slot`. */
static float convolved(const float *w, float past[LONGEST][D], int length, int gap, long slot,
                       int o) {
    const float *taps = w + o * C * K;
    float sum = 0;
    for (int k = 0; k < K; k++) {
        const float *row = past[(slot + length - (K - 1 - k) * gap) % length];
        for (int c = 0; c < C; c++) sum += taps[c * K + k] * row[o / C * C + c];
    }
    return sum;
}

static void mix(float *x, int r) {
    float n[D];
    for (int l = 0; l < LAYERS; l++) {
        const int length = (K - 1) * dilation[l] + 1;
        const long slot = position % length;
        norm(x, norms + l * D, D, n);
        memcpy(ring[r][l][slot], n, sizeof n);
        for (int o = 0; o < D; o++) {
            const int offset = l * D * C * K;
            const float gate =
                convolved(conv_gate + offset, ring[r][l], length, dilation[l], slot, o);
            const float value =
                convolved(conv_value + offset, ring[r][l], length, dilation[l], slot, o);
            x[o] += value / (1.0f + expf(-gate));
        }
    }
}
