/* A FlashLM model that generates ids, one token at a time. Made by `flashlm export --c`.

   cc -std=c99 -O2 model.c -o model -lm
   ./model COUNT ID [ID ...]        continues the ids of a prompt by COUNT ids, one per line

   The block's matrices hold only -1, 0 and +1, five to a byte in base 3. Products with them are
   integer additions. Norms, convolutions, gates and the head are floating point. */

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* CONSTANTS */

enum {
    WIDER = INNER > D ? INNER : D,
    WIDEST = H > WIDER ? H : WIDER,
    GROUPS_OF_FIVE = (WIDEST + 4) / 5
};

static long position = 0; /* tokens that were read */

/* SHARED */

/* y (rows) = scale T x, with T packed in `codes`: x is rounded to 8 bits, then added up. */
static void ternary(const uint8_t *codes, float scale, int rows, int columns,
                    const float *x, float *y) {
    static int8_t q[5 * GROUPS_OF_FIVE];
    static int32_t sum[WIDEST];
    float largest = 0;
    for (int d = 0; d < columns; d++) largest = fmaxf(largest, fabsf(x[d]));
    const float step = fmaxf(largest / 127.0f, FLT_MIN);
    memset(q, 0, sizeof q);
    for (int d = 0; d < columns; d++) q[d] = (int8_t)rintf(x[d] / step);
    packed_sums(codes, rows, columns, q, sum);
    for (int o = 0; o < rows; o++) y[o] = (float)sum[o] * (scale * step);
}

/* MIXER */

static void block(float *x, int r) {
    float n[WIDER], mixed[D], gate[H], up[H];
    norm(x, norm1, D, n);
    mix(n, r);
    ternary(out_proj, out_proj_scale, D, INNER, n, mixed);
    for (int d = 0; d < D; d++) x[d] += mixed[d];
    norm(x, norm2, D, n);
    ternary(gate_proj, gate_proj_scale, H, D, n, gate);
    ternary(up_proj, up_proj_scale, H, D, n, up);
    for (int h = 0; h < H; h++) {
        const float open = fmaxf(gate[h], 0);
        gate[h] = open * open * up[h];
    }
    ternary(down_proj, down_proj_scale, D, H, gate, mixed);
    for (int d = 0; d < D; d++) x[d] += mixed[d];
}

/* Read the token of row i of the table; write h (D), the input of the head. */
static void hidden(int i, float *h) {
    float x[D];
    for (int d = 0; d < D; d++) x[d] = (float)table_q[i * D + d] * table_scale[i];
    for (int r = 0; r < RECURSIONS; r++) block(x, r);
    position++;
    norm(x, final_norm, D, h);
}

/* The product of h and row i of an int8 matrix, whose integers are in units of scale[i]. */
static float logit(const int8_t *q, const float *scale, int i, const float *h) {
    float z = 0;
    for (int d = 0; d < D; d++) z += (float)q[i * D + d] * h[d];
    return z * scale[i];
}

/* HEAD */

/* MAIN */
