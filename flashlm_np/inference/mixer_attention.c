/* The mixer is attention. It keeps the keys, turned by their positions, and the values of all
   tokens: 2 * INNER numbers for each token and recursion, so the memory grows with the text. */
enum { HALF = INNER / HEADS / 2 }; /* pairs of a head */
static float ring[RECURSIONS][K][3 * INNER]; /* the last queries, keys and values as read */
static float *rows[RECURSIONS];              /* (room, 2 * INNER) each */
static float *weight;                        /* (room), of each token in a sum */
static long room = 0;

static float *grown(float *old, long numbers) {
    float *larger = realloc(old, (size_t)numbers * sizeof *old);
    if (larger == NULL) {
        fprintf(stderr, "the memory is full after %ld tokens\n", position);
        exit(1);
    }
    return larger;
}

static void make_room(void) {
    if (position < room) return;
    room = room ? 2 * room : 64;
    weight = grown(weight, room);
    for (int r = 0; r < RECURSIONS; r++) rows[r] = grown(rows[r], room * 2 * INNER);
}

/* Turn each pair of numbers of each head of query and key, which are neighbours, by an angle
   that grows with the position. */
static void turn(float *x) {
    for (int i = 0; i < HALF; i++) {
        const double angle = position * pow(10000.0, -(double)i / HALF);
        const float c = (float)cos(angle), s = (float)sin(angle);
        for (int g = 0; g < 2 * HEADS; g++) {
            float *pair = x + 2 * g * HALF + i;
            const float a = pair[0], b = pair[HALF];
            pair[0] = a * c - b * s;
            pair[HALF] = a * s + b * c;
        }
    }
}

/* y (2 * HALF): the values of all tokens, weighted by how well their keys fit the query q. */
static void attend(const float *q, const float *keys, float *y) {
    const float scale = 1.0f / sqrtf(2 * HALF);
    float most = -INFINITY, total = 0;
    for (long t = 0; t <= position; t++) {
        float score = 0;
        for (int i = 0; i < 2 * HALF; i++) score += q[i] * scale * keys[t * 2 * INNER + i];
        weight[t] = score;
        most = fmaxf(most, score);
    }
    memset(y, 0, 2 * HALF * sizeof *y);
    for (long t = 0; t <= position; t++) {
        const float e = expf(weight[t] - most);
        const float *value = keys + t * 2 * INNER + INNER;
        for (int i = 0; i < 2 * HALF; i++) y[i] += e * value[i];
        total += e;
    }
    for (int i = 0; i < 2 * HALF; i++) y[i] /= total;
}

static void mix(float *x, int r) {
    float all[3 * INNER]; /* query, key and value of this token */
    for (int o = 0; o < 3 * INNER; o++) {
        float sum = 0;
        for (int d = 0; d < D; d++) sum += into[o * D + d] * x[d];
        ring[r][position % K][o] = sum;
        all[o] = 0; /* a sum over the last K tokens, the oldest first */
        for (int k = 0; k < K; k++) {
            all[o] += kernel[o * K + k] * ring[r][(position + 1 + k) % K][o];
        }
    }
    turn(all);
    make_room();
    memcpy(rows[r] + position * 2 * INNER, all + INNER, 2 * INNER * sizeof *all);
    for (int g = 0; g < HEADS; g++) {
        const int first = 2 * g * HALF;
        attend(all + first, rows[r] + first, x + first);
    }
}
