/* The number in an argument. Where it is none from 0 to `most`, say so and end. */
static long number(const char *name, const char *text, long most) {
    char *end;
    const long value = strtol(text, &end, 10);
    if (end == text || *end || value < 0 || value > most) {
        fprintf(stderr, "%s is '%.40s', expected a number from 0 to %ld\n", name, text, most);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: %s COUNT ID [ID ...]\n", argv[0]);
        return 2;
    }
    const long count = number("COUNT", argv[1], 1000000000);
    for (int i = 2; i < argc; i++) number("ID", argv[i], V - 1); /* before the first is read */
    int next = 0;
    for (int i = 2; i < argc; i++) next = next_token((int)number("ID", argv[i], V - 1));
    for (long written = 0; written < count && next >= 0; written++) {
        if (printf("%d\n", next) < 0 || fflush(stdout)) {
            perror("cannot write the ids");
            return 1;
        }
        next = next_token(next);
    }
    if (next < 0) {
        fprintf(stderr, "the logits are not finite: the model has diverged\n");
        return 1;
    }
    return 0;
}
