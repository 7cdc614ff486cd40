static void norm(const float *x, const float *gain, int size, float *y) {
    float sum = 0;
    for (int d = 0; d < size; d++) sum += x[d] * x[d];
    const float r = 1.0f / sqrtf(sum / size + norm_eps);
    for (int d = 0; d < size; d++) y[d] = x[d] * r * gain[d];
}

/* The signed sums of five numbers, by packed byte: digit 1 adds, and digit 2 subtracts. */
static void signed_sums(const int8_t *q, int16_t *sums) {
    int size = 1;
    sums[0] = 0;
    for (int k = 0; k < 5; k++) {
        for (int i = 0; i < size; i++) {
            sums[i + size] = (int16_t)(sums[i] + q[k]);
            sums[i + 2 * size] = (int16_t)(sums[i] - q[k]);
        }
        size *= 3;
    }
}

/* sum (rows) = T q, with T packed in `codes`; q has zeros after its last column. */
static void packed_sums(const uint8_t *codes, int rows, int columns, const int8_t *q,
                        int32_t *sum) {
    const int groups = (columns + 4) / 5;
    memset(sum, 0, (size_t)rows * sizeof *sum);
    for (int g = 0; g < groups; g++) {
        int16_t sums[243];
        signed_sums(q + 5 * g, sums);
        for (int o = 0; o < rows; o++) sum[o] += sums[codes[o * groups + g]];
    }
}
