// Double precision: `float matrix`, `float bodies` and `float fourier`. Sines come by recurrence and square roots from the
// instruction, so that IEEE 754 fixes every bit of the results.

#include "speed.h"

#define MATRIX_SIDE 96
#define MATRIX_ROUNDS 80
#define BODY_COUNT 5
#define BODY_STEPS 1000000
#define POINT_COUNT 4096
#define FOURIER_ROUNDS 800

static uint32_t hash_doubles(const double *values, int count)
{
    uint32_t hash = SPEED_MIX_START;
    for (int n = 0; n < count; n++) {
        uint64_t bits;
        memcpy(&bits, &values[n], sizeof bits);
        hash = speed_mix(speed_mix(hash, (uint32_t)bits), (uint32_t)(bits >> 32));
    }
    return hash;
}

static double a[MATRIX_SIDE][MATRIX_SIDE], b[MATRIX_SIDE][MATRIX_SIDE], product[MATRIX_SIDE][MATRIX_SIDE];

static uint32_t matrix_work(void)
{
    uint32_t seed = 12345;
    for (int row = 0; row < MATRIX_SIDE; row++)
        for (int column = 0; column < MATRIX_SIDE; column++) {
            a[row][column] = (double)(int32_t)speed_random(&seed) / 4294967296.0;
            b[row][column] = (double)(int32_t)speed_random(&seed) / 8589934592.0;
        }
    for (int round = 0; round < MATRIX_ROUNDS; round++) {
        for (int row = 0; row < MATRIX_SIDE; row++)
            for (int column = 0; column < MATRIX_SIDE; column++) {
                double sum = 0;
                for (int n = 0; n < MATRIX_SIDE; n++)
                    sum += a[row][n] * b[n][column];
                product[row][column] = sum;
            }
        memcpy(a, product, sizeof a);
    }
    return hash_doubles(&product[0][0], MATRIX_SIDE * MATRIX_SIDE);
}

struct body {
    double x, y, z, vx, vy, vz, mass;
};

static uint32_t bodies_work(void)
{
    // A heavy one in the middle, and four that circle it; units of their own.
    static struct body bodies[BODY_COUNT] = {
        {0, 0, 0, 0, 0, 0, 40},           {5, 0, 0.1, 0, 2.8, 0, 0.04}, {0, 9, -0.2, -2.1, 0, 0, 0.01},
        {-14, 0, 0.3, 0, -1.7, 0, 0.002}, {0, -20, 0, 1.4, 0, 0.1, 0.003},
    };
    const double step = 0.001;
    for (int round = 0; round < BODY_STEPS; round++) {
        for (int n = 0; n < BODY_COUNT; n++) {
            struct body *one = &bodies[n];
            for (int m = n + 1; m < BODY_COUNT; m++) {
                struct body *other = &bodies[m];
                double dx = one->x - other->x, dy = one->y - other->y, dz = one->z - other->z;
                double square = dx * dx + dy * dy + dz * dz;
                double pull = step / (square * __builtin_sqrt(square));
                one->vx -= dx * other->mass * pull;
                one->vy -= dy * other->mass * pull;
                one->vz -= dz * other->mass * pull;
                other->vx += dx * one->mass * pull;
                other->vy += dy * one->mass * pull;
                other->vz += dz * one->mass * pull;
            }
        }
        for (int n = 0; n < BODY_COUNT; n++) {
            bodies[n].x += step * bodies[n].vx;
            bodies[n].y += step * bodies[n].vy;
            bodies[n].z += step * bodies[n].vz;
        }
    }
    return hash_doubles(&bodies[0].x, BODY_COUNT * 7);
}

static double real[POINT_COUNT], imaginary[POINT_COUNT];

// Radix 2, in place; `sign` is -1 forwards and +1 backwards.
static NEVER_INLINE void fourier(double sign)
{
    // sin of π/2^n, n = 1 … 12; cosines follow as 1 - 2 sin².
    static const double sines[] = {1.0, 0.70710678118654752, 0.38268343236508977, 0.19509032201612827,
                                   0.098017140329560602, 0.049067674327418015, 0.024541228522912288,
                                   0.012271538285719925, 0.0061358846491544754, 0.0030679567629659763,
                                   0.0015339801862847656, 0.00076699031874270453, 0.00038349518757139559};
    for (int n = 1, reversed = 0; n < POINT_COUNT; n++) {
        int bit = POINT_COUNT >> 1;
        for (; reversed & bit; bit >>= 1)
            reversed ^= bit;
        reversed ^= bit;
        if (n < reversed) {
            double held = real[n];
            real[n] = real[reversed];
            real[reversed] = held;
            held = imaginary[n];
            imaginary[n] = imaginary[reversed];
            imaginary[reversed] = held;
        }
    }
    for (int half = 1, level = 0; half < POINT_COUNT; half *= 2, level++) {
        // Angle of one step: π / half. Its half's sine is one entry further.
        double half_sine = sines[level];
        double step_cosine = -2 * half_sine * half_sine, step_sine = level == 0 ? 0 : sign * sines[level - 1];
        double cosine = 1, sine = 0;
        for (int n = 0; n < half; n++) {
            for (int top = n; top < POINT_COUNT; top += 2 * half) {
                int bottom = top + half;
                double r = real[bottom] * cosine - imaginary[bottom] * sine;
                double i = real[bottom] * sine + imaginary[bottom] * cosine;
                real[bottom] = real[top] - r;
                imaginary[bottom] = imaginary[top] - i;
                real[top] += r;
                imaginary[top] += i;
            }
            double turned = cosine + cosine * step_cosine - sine * step_sine;
            sine = sine + sine * step_cosine + cosine * step_sine;
            cosine = turned;
        }
    }
}

static uint32_t fourier_work(void)
{
    uint32_t seed = 777;
    for (int n = 0; n < POINT_COUNT; n++) {
        real[n] = (double)(int32_t)speed_random(&seed) / 2147483648.0;
        imaginary[n] = 0;
    }
    for (int round = 0; round < FOURIER_ROUNDS; round++) {
        fourier(round & 1 ? 1 : -1);
        if (round & 1)
            for (int n = 0; n < POINT_COUNT; n++) {
                real[n] /= POINT_COUNT;
                imaginary[n] /= POINT_COUNT;
            }
    }
    return hash_doubles(real, POINT_COUNT) ^ hash_doubles(imaginary, POINT_COUNT);
}

int main(int count, char **arguments)
{
    const char *which = count > 1 ? arguments[1] : "";
    if (strcmp(which, "matrix") == 0)
        return speed_run(matrix_work, 0xcc3eee09);
    if (strcmp(which, "bodies") == 0)
        return speed_run(bodies_work, 0xc78f078d);
    if (strcmp(which, "fourier") == 0)
        return speed_run(fourier_work, 0x94da9044);
    return 2;
}
