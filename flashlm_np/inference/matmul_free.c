/* A MatMul-free model that generates ids, one token at a time. Made by `flashlm export --c`.

   cc -std=c99 -O2 model.c -o model -lm
   ./model COUNT ID [ID ...]        continues the ids of a prompt by COUNT ids, one per line

   Each matrix, the head's included, holds only -1, 0 and +1, five to a byte in base 3. Its
   inputs are integers of 8 bits, so products with it are integer additions. Norms, gates and
   the recurrence multiply single numbers in floating point. */

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* CONSTANTS */

enum { WIDEST = H > D ? H : D, GROUPS_OF_FIVE = (WIDEST + 4) / 5 };

/* All that the model remembers of a text: a number for each block and channel. */
static float state[BLOCKS][D];

/* SHARED */

/* y (rows) = step m T q, where q is the normed x in 8 bits: a BitLinear. */
static void bit_linear(const uint8_t *codes, float m, const float *gain, int rows, int columns,
                       const float *x, float *y) {
    static float a[WIDEST];
    static int8_t q[5 * GROUPS_OF_FIVE];
    static int32_t sum[MOST_ROWS];
    float largest = 0, nothing = 0;
    norm(x, gain, columns, a);
    for (int d = 0; d < columns; d++) {
        largest = fmaxf(largest, fabsf(a[d]));
        nothing += 0 * a[d]; /* NaN, if a number is not finite */
    }
    const float step = fmaxf(largest, 1e-5f) / 127.0f;
    memset(q, 0, sizeof q);
    for (int d = 0; d < columns && nothing == 0; d++) q[d] = (int8_t)rintf(a[d] / step);
    packed_sums(codes, rows, columns, q, sum);
    for (int o = 0; o < rows; o++) y[o] = (float)sum[o] * (step * m) + nothing;
}

static float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

static void mix(int l, const float *x, float *mixed) {
    float a[D], z[D], g[D], y[D];
    const int codes = l * D * ((D + 4) / 5);
    bit_linear(i_proj + codes, i_proj_scale[l], i_proj_gain + l * D, D, D, x, a);
    bit_linear(f_proj + codes, f_proj_scale[l], f_proj_gain + l * D, D, D, x, z);
    bit_linear(g_proj + codes, g_proj_scale[l], g_proj_gain + l * D, D, D, x, g);
    if (HAS_NORM) norm(g, g_norm + l * D, D, y);
    for (int d = 0; d < D; d++) {
        const float bound = bounds[l * D + d];
        const float kept = bound + (1.0f - bound) * sigmoid(z[d]);
        const float h = kept * state[l][d] + (1.0f - kept) * (a[d] * sigmoid(a[d]));
        state[l][d] = h;
        y[d] = HAS_NORM ? y[d] * (h * sigmoid(h)) : sigmoid(g[d]) * h;
    }
    bit_linear(o_proj + codes, o_proj_scale[l], o_proj_gain + l * D, D, D, y, mixed);
}

static void block(int l, float *x) {
    float n[D], added[D];
    static float both[2 * H];
    norm(x, attn_norm + l * D, D, n);
    mix(l, n, added);
    for (int d = 0; d < D; d++) x[d] += added[d];
    norm(x, mlp_norm + l * D, D, n);
    bit_linear(gate_proj + l * 2 * H * ((D + 4) / 5), gate_proj_scale[l],
               gate_proj_gain + l * D, 2 * H, D, n, both);
    for (int h = 0; h < H; h++) both[h] = both[h] * sigmoid(both[h]) * both[H + h];
    bit_linear(down_proj + l * D * ((H + 4) / 5), down_proj_scale[l], down_proj_gain + l * H, D,
               H, both, added);
    for (int d = 0; d < D; d++) x[d] += added[d];
}

/* Read a token; return the most likely next one, or -1 if the logits are not finite. */
static int next_token(int token) {
    float x[D], h[D];
    static float z[V];
    for (int d = 0; d < D; d++) x[d] = (float)table_q[token * D + d] * table_scale[token];
    for (int l = 0; l < BLOCKS; l++) block(l, x);
    norm(x, final_norm, D, h);
    bit_linear(lm_head, lm_head_scale[0], lm_head_gain, V, D, h, z);
    int best = 0;
    for (int v = 1; v < V; v++) {
        if (z[v] > z[best]) best = v;
    }
    return isfinite(z[best]) ? best : -1;
}

/* MAIN */
