// The kernels, once for all kinds of processors: included by each kernels_*.cpp inside its own unnamed
// namespace, after a `struct Isa` that says how one vector is computed with. Uses nothing of the library but
// types (see kernels.h).

#define AMAS_INLINE __attribute__((always_inline)) inline
#define AMAS_LAMBDA __attribute__((always_inline))

template <int I>
struct Index {
  static constexpr int value = I;
  constexpr operator int() const { return I; }
};

template <class Body, int... I>
AMAS_INLINE void repeat_each(Body& body, std::integer_sequence<int, I...>) {
  (body(Index<I>{}), ...);
}

/// body(Index<0>) … body(Index<N - 1>), unrolled: arrays indexed by it stay in registers.
template <int N, class Body>
AMAS_INLINE void repeat(Body&& body) {
  repeat_each(body, std::make_integer_sequence<int, N>{});
}

constexpr int kParts = kBlock / Isa::kWidth;  // vectors a block

using Vector = Isa::Float;

/// 2^x for |x| <= 40: minimax polynomials over a rounded exponent, held to be exactly 1 at 0. One that is not
/// makes tanh(0) a little more or less than 0, and over hundreds of steps that adds up.
///
/// To 8e-8, the rounding of floats.
AMAS_INLINE Vector power_of_two_fine(Vector x) {
  const Vector magic = Isa::all(12582912.0F);
  const Vector shifted = Isa::add(x, magic);
  const Vector r = Isa::subtract(x, Isa::subtract(shifted, magic));
  Vector p = Isa::all(1.535336194e-4F);
  p = Isa::multiply_add(p, r, Isa::all(1.33988744e-3F));
  p = Isa::multiply_add(p, r, Isa::all(9.618437357e-3F));
  p = Isa::multiply_add(p, r, Isa::all(5.550332471e-2F));
  p = Isa::multiply_add(p, r, Isa::all(0.2402264791F));
  p = Isa::multiply_add(p, r, Isa::all(0.6931472029F));
  p = Isa::multiply_add(p, r, Isa::all(1.0F));
  return Isa::add_exponent(p, shifted);
}

/// To 2.9e-6.
AMAS_INLINE Vector power_of_two_coarse(Vector x) {
  const Vector magic = Isa::all(12582912.0F);
  const Vector shifted = Isa::add(x, magic);
  const Vector r = Isa::subtract(x, Isa::subtract(shifted, magic));
  Vector p = Isa::all(9.582853095e-3F);
  p = Isa::multiply_add(p, r, Isa::all(5.59064246e-2F));
  p = Isa::multiply_add(p, r, Isa::all(0.2402409861F));
  p = Isa::multiply_add(p, r, Isa::all(0.6931241934F));
  p = Isa::multiply_add(p, r, Isa::all(1.0F));
  return Isa::add_exponent(p, shifted);
}

AMAS_INLINE Vector clamp(Vector x) {
  return Isa::minimum(Isa::maximum(x, Isa::all(-40.0F)), Isa::all(40.0F));
}

struct Float32 {
  static constexpr bool kInteger = false;
  using Base = float;
  using Sum = Isa::Float;
  static AMAS_INLINE Sum zero() { return Isa::all(0.0F); }
  static AMAS_INLINE Sum state(const char* group) { return Isa::broadcast_float(group); }
  static AMAS_INLINE Sum add_product(Sum sum, Sum state, const char* weights) {
    return Isa::multiply_add(state, Isa::load(reinterpret_cast<const float*>(weights)), sum);
  }
  static AMAS_INLINE Vector power_of_two(Vector x) { return power_of_two_fine(x); }
  static AMAS_INLINE void store(char* to, int unit, Vector h) {
    Isa::store(reinterpret_cast<float*>(to) + unit, h);
  }
};

struct Int16 {
  static constexpr bool kInteger = true;
  using Base = std::uint16_t;
  using Sum = Isa::Integer;
  static AMAS_INLINE Sum zero() { return Isa::zero(); }
  static AMAS_INLINE Sum state(const char* group) { return Isa::broadcast_group(group); }
  static AMAS_INLINE Sum add_product(Sum sum, Sum state, const char* weights) {
    return Isa::add_int16_products(sum, state, weights);
  }
  static AMAS_INLINE Vector power_of_two(Vector x) { return power_of_two_coarse(x); }
  static AMAS_INLINE void store(char* to, int unit, Vector h) {
    Isa::store_int16(reinterpret_cast<std::int16_t*>(to) + unit, Isa::multiply(h, Isa::all(kInt16State)));
  }
};

/// A template, so that a processor without such instructions need not have them.
template <class I>
struct Int8 {
  static constexpr bool kInteger = true;
  using Base = std::uint16_t;
  using Sum = typename I::Integer;
  static AMAS_INLINE Sum zero() { return I::zero(); }
  static AMAS_INLINE Sum state(const char* group) { return I::broadcast_group(group); }
  static AMAS_INLINE Sum add_product(Sum sum, Sum state, const char* weights) {
    return I::add_int8_products(sum, state, weights);
  }
  static AMAS_INLINE Vector power_of_two(Vector x) { return power_of_two_coarse(x); }
  static AMAS_INLINE void store(char* to, int unit, Vector h) {
    I::store_uint8(reinterpret_cast<std::uint8_t*>(to) + unit,
                   I::multiply_add(h, I::all(kInt8State), I::all(static_cast<float>(kInt8Offset))));
  }
};

/// What one lane's step reads and writes.
struct Step {
  const char* base;
  const char* input;
  const char* state;
  char* next;
  float* memory;
  float* last;
};

/// Sums of some blocks of units of some lanes.
template <class P, int Blocks, int Lanes>
struct Sums {
  typename P::Sum of[Blocks][kSums][kParts][Lanes];
};

/// Where a segment's weights lie: the next group is `group_bytes` on, the next block of the same pair
/// `block_bytes`.
struct Weights {
  const char* from;
  std::size_t group_bytes, block_bytes;
};

/// Adds the products of `groups` groups of each lane's `vector` and the weights, into the sums that `sum_of`
/// names for each gate.
template <class P, int Gates, int Blocks, int Lanes, class SumOf>
AMAS_INLINE void add_segment(Sums<P, Blocks, Lanes>& sums, const char* const (&vector)[Lanes], int groups,
                             const Weights& weights, SumOf sum_of) {
  const char* row = weights.from;
  for (int k = 0; k < groups; ++k, row += weights.group_bytes) {
    typename P::Sum state[Lanes];
    repeat<Lanes>([&](auto lane) AMAS_LAMBDA { state[lane] = P::state(vector[lane] + 4 * k); });
    repeat<Blocks>([&](auto block) AMAS_LAMBDA {
      repeat<Gates>([&](auto gate) AMAS_LAMBDA {
        repeat<kParts>([&](auto part) AMAS_LAMBDA {
          const char* from = row + block * weights.block_bytes + (gate * kBlock + part * Isa::kWidth) * 4;
          repeat<Lanes>([&](auto lane) AMAS_LAMBDA {
            auto& sum = sums.of[block][sum_of(gate)][part][lane];
            sum = P::add_product(sum, state[lane], from);
          });
        });
      });
    });
  }
}

/// The weights of a block: those of a pair of blocks lie interleaved, a last one without partner by itself.
AMAS_INLINE Weights weights_of(const PackedCell& cell, int gates, int block) {
  const std::size_t one = static_cast<std::size_t>(gates) * kBlock * 4;
  const std::size_t block_bytes = static_cast<std::size_t>(cell.input_groups + cell.state_groups) * one;
  const char* pair =
      static_cast<const char*>(cell.weights) + static_cast<std::size_t>(block & ~1) * block_bytes;
  const bool paired = (block | 1) < cell.blocks;
  return {pair + (block & 1) * one, paired ? 2 * one : one, one};
}

template <class P>
AMAS_INLINE Vector from_sum(typename P::Sum sum, const float* scale) {
  if constexpr (P::kInteger) return Isa::multiply(Isa::to_float(sum), Isa::load(scale));
  else return sum;
}

template <class P>
AMAS_INLINE Vector load_base(const char* base, int at) {
  return Isa::load(reinterpret_cast<const typename P::Base*>(base) + at);
}

/// c' = σ(f)·c + σ(i)·tanh(g), h = σ(o)·tanh(c'), with two divisions. a, b, e, d are 2^(pre-activation) =
/// e^-i, e^-f, e^-o, e^-2g.
template <class P>
AMAS_INLINE Vector lstm_gates(Vector i, Vector f, Vector o, Vector g, float* memory) {
  const Vector one = Isa::all(1.0F);
  const Vector a = Isa::add(P::power_of_two(clamp(i)), one);
  const Vector b = Isa::add(P::power_of_two(clamp(f)), one);
  const Vector e = Isa::add(P::power_of_two(clamp(o)), one);
  const Vector d = P::power_of_two(clamp(g));
  const Vector ad = Isa::multiply(a, Isa::add(d, one));
  const Vector fresh = Isa::multiply(Isa::subtract(one, d), b);
  const Vector c = Isa::divide(Isa::multiply_add(Isa::load(memory), ad, fresh), Isa::multiply(ad, b));
  Isa::store(memory, c);
  const Vector q = P::power_of_two(clamp(Isa::multiply(c, Isa::all(-2.885390082F))));
  return Isa::divide(Isa::subtract(one, q), Isa::multiply(Isa::add(q, one), e));
}

/// h' = (1 - σ(z))·tanh(n) + σ(z)·h, n = input share + σ(r)·state share.
template <class P>
AMAS_INLINE Vector gru_gates(Vector z, Vector r, Vector n_input, Vector n_state, float* memory) {
  const Vector one = Isa::all(1.0F);
  const Vector a = P::power_of_two(clamp(z));
  const Vector b = Isa::add(P::power_of_two(clamp(r)), one);
  const Vector d = P::power_of_two(clamp(Isa::add(n_input, Isa::divide(n_state, b))));
  const Vector d1 = Isa::add(d, one);
  const Vector fresh = Isa::multiply(a, Isa::subtract(one, d));
  const Vector h =
      Isa::divide(Isa::multiply_add(Isa::load(memory), d1, fresh), Isa::multiply(Isa::add(a, one), d1));
  Isa::store(memory, h);
  return h;
}

template <class P, Cell kCell>
AMAS_INLINE Vector gates(const PackedCell& cell, const typename P::Sum (&sum)[kSums], const Step& step,
                         int block, int part_at) {
  constexpr int kGates = gates_of(kCell);
  const int at = block * kGates * kBlock + part_at;
  const float* scales = cell.scales + at;
  float* memory = step.memory + block * kBlock + part_at;
  const auto pre = [&](int gate) AMAS_LAMBDA {
    if constexpr (P::kInteger)
      return Isa::multiply_add(Isa::to_float(sum[gate]), Isa::load(scales + gate * kBlock),
                               load_base<P>(step.base, at + gate * kBlock));
    else return Isa::add(sum[gate], load_base<P>(step.base, at + gate * kBlock));
  };
  if constexpr (kCell == Cell::kLstm) {
    return lstm_gates<P>(pre(0), pre(1), pre(2), pre(3), memory);
  } else {
    const Vector n_state = Isa::add(from_sum<P>(sum[3], scales + 2 * kBlock),
                                    Isa::load(cell.state_bias + block * kBlock + part_at));
    return gru_gates<P>(pre(0), pre(1), pre(2), n_state, memory);
  }
}

template <class P, Cell kCell, int Blocks, int Lanes>
AMAS_INLINE void step_blocks(const PackedCell& cell, const Step (&steps)[Lanes], int block) {
  constexpr int kGates = gates_of(kCell);
  Weights weights = weights_of(cell, kGates, block);
  Sums<P, Blocks, Lanes> sums;
  repeat<Blocks>([&](auto b) AMAS_LAMBDA {
    repeat<kSums>([&](auto s) AMAS_LAMBDA {
      repeat<kParts>([&](auto p) AMAS_LAMBDA {
        repeat<Lanes>([&](auto l) AMAS_LAMBDA { sums.of[b][s][p][l] = P::zero(); });
      });
    });
  });
  const char* vector[Lanes];
  repeat<Lanes>([&](auto lane) AMAS_LAMBDA { vector[lane] = steps[lane].input; });
  add_segment<P, kGates, Blocks, Lanes>(sums, vector, cell.input_groups, weights,
                                        [](int gate) AMAS_LAMBDA { return gate; });
  repeat<Lanes>([&](auto lane) AMAS_LAMBDA { vector[lane] = steps[lane].state; });
  weights.from += static_cast<std::size_t>(cell.input_groups) * weights.group_bytes;
  add_segment<P, kGates, Blocks, Lanes>(sums, vector, cell.state_groups, weights, [](int gate) AMAS_LAMBDA {
    return kCell == Cell::kGru && gate == 2 ? 3 : gate;
  });
  repeat<Blocks>([&](auto b) AMAS_LAMBDA {
    repeat<kParts>([&](auto p) AMAS_LAMBDA {
      repeat<Lanes>([&](auto l) AMAS_LAMBDA {
        const typename P::Sum sum[kSums] = {sums.of[b][0][p][l], sums.of[b][1][p][l], sums.of[b][2][p][l],
                                            sums.of[b][3][p][l]};
        const Vector h = gates<P, kCell>(cell, sum, steps[l], block + b, p * Isa::kWidth);
        const int unit = (block + b) * kBlock + p * Isa::kWidth;
        P::store(steps[l].next, unit, h);
        Isa::store(steps[l].last + unit, h);
      });
    });
  });
}

AMAS_INLINE void prefetch_row(const char* row, std::size_t bytes) {
  for (std::size_t at = 0; at < bytes; at += 64) __builtin_prefetch(row + at);
}

/// Lanes in step for `count` steps.
template <class P, Cell kCell, int Lanes>
[[gnu::flatten]] void run_lanes(const PackedCell& cell, Lane* lanes, int count) {
  constexpr int kTogether =
      Lanes == 1 && kParts == 1 ? 2 : 1;  // blocks: 8 sums a step hide the latency of each
  const std::size_t row_bytes =
      static_cast<std::size_t>(cell.blocks) * gates_of(kCell) * kBlock * sizeof(typename P::Base);
  for (int at = 0; at < count; ++at) {
    Step steps[Lanes];
    for (int l = 0; l < Lanes; ++l) {
      Lane& lane = lanes[l];
      const auto row = static_cast<std::size_t>(*lane.index);
      lane.index += lane.direction;
      const char* base = static_cast<const char*>(cell.base);
      if (at + 1 < count && cell.base_stride != 0)
        prefetch_row(base + static_cast<std::size_t>(*lane.index) * cell.base_stride, row_bytes);
      const char* input = static_cast<const char*>(lane.input != nullptr ? lane.input : cell.input);
      char* next = lane.sequence != nullptr ? lane.sequence : static_cast<char*>(lane.spare);
      steps[l] = {base + row * cell.base_stride,
                  input + row * cell.input_stride,
                  static_cast<const char*>(lane.state),
                  next,
                  lane.memory,
                  lane.last};
    }
    int block = 0;
    for (; block + kTogether <= cell.blocks; block += kTogether)
      step_blocks<P, kCell, kTogether>(cell, steps, block);
    if constexpr (kTogether > 1)
      for (; block < cell.blocks; ++block) step_blocks<P, kCell, 1>(cell, steps, block);
    for (int l = 0; l < Lanes; ++l) {
      Lane& lane = lanes[l];
      if (lane.sequence == nullptr) lane.spare = lane.state;
      else lane.sequence += lane.sequence_stride;
      lane.state = steps[l].next;
    }
  }
}

template <class P, Cell kCell>
void run_precision(const PackedCell& cell, Lane* lanes, int count, int steps) {
  if (count == 1) run_lanes<P, kCell, 1>(cell, lanes, steps);
  else if (count == 2) run_lanes<P, kCell, 2>(cell, lanes, steps);
  else run_lanes<P, kCell, 4>(cell, lanes, steps);
}

template <Cell kCell>
void run_cell(const PackedCell& cell, Lane* lanes, int count, int steps) {
  if (cell.precision == Precision::kFloat32) return run_precision<Float32, kCell>(cell, lanes, count, steps);
  if (cell.precision == Precision::kInt16) return run_precision<Int16, kCell>(cell, lanes, count, steps);
  if constexpr (Isa::kHasInt8) run_precision<Int8<Isa>, kCell>(cell, lanes, count, steps);
}

void run(const PackedCell& cell, Lane* lanes, int count, int steps) {
  if (cell.cell == Cell::kLstm) run_cell<Cell::kLstm>(cell, lanes, count, steps);
  else run_cell<Cell::kGru>(cell, lanes, count, steps);
}

/// Some gates of one block of kRows rows; the last row again where there are fewer.
template <class P, int Gates, int Some, int kRows>
AMAS_INLINE void fold_some(const PackedCell& cell, const float* bias, std::size_t row, std::size_t count,
                           int block, int first, bool half, void* rows) {
  const std::size_t width = static_cast<std::size_t>(cell.blocks) * Gates * kBlock;
  Sums<P, 1, kRows> sums;
  const char* vector[kRows];
  repeat<kRows>([&](auto r) AMAS_LAMBDA {
    const std::size_t which = row + r < count ? row + r : count - 1;
    vector[r] = static_cast<const char*>(cell.input) + which * cell.input_stride;
    repeat<Some>([&](auto g) AMAS_LAMBDA {
      repeat<kParts>([&](auto p) AMAS_LAMBDA {
        const int column = (block * Gates + first + g) * kBlock + p * Isa::kWidth;
        if constexpr (P::kInteger) sums.of[0][g][p][r] = P::zero();
        else sums.of[0][g][p][r] = Isa::load(bias + column);
      });
    });
  });
  Weights weights = weights_of(cell, Gates, block);
  weights.from += first * kBlock * 4;
  add_segment<P, Some, 1, kRows>(sums, vector, cell.input_groups, weights,
                                 [](int gate) AMAS_LAMBDA { return gate; });
  repeat<kRows>([&](auto r) AMAS_LAMBDA {
    const std::size_t which = row + r < count ? row + r : count - 1;
    repeat<Some>([&](auto g) AMAS_LAMBDA {
      repeat<kParts>([&](auto p) AMAS_LAMBDA {
        const int column = (block * Gates + first + g) * kBlock + p * Isa::kWidth;
        const std::size_t at = which * width + static_cast<std::size_t>(column);
        Vector value;
        if constexpr (P::kInteger)
          value = Isa::multiply_add(Isa::to_float(sums.of[0][g][p][r]), Isa::load(cell.scales + column),
                                    Isa::load(bias + column));
        else value = sums.of[0][g][p][r];
        if (half) Isa::store(static_cast<std::uint16_t*>(rows) + at, value);
        else Isa::store(static_cast<float*>(rows) + at, value);
      });
    });
  });
}

/// As many gates and rows at a time as have room for their sums in registers.
template <class P, int Gates>
[[gnu::flatten]] void fold_gates(const PackedCell& cell, const float* bias, std::size_t count, bool half,
                                 void* rows) {
  constexpr int kSome = kParts == 2 && Gates == 4 ? 2 : Gates;
  constexpr int kRows = kParts == 1 ? 4 : kSome == 2 ? 3 : 2;
  for (std::size_t row = 0; row < count; row += kRows)
    for (int block = 0; block < cell.blocks; ++block)
      for (int first = 0; first < Gates; first += kSome)
        fold_some<P, Gates, kSome, kRows>(cell, bias, row, count, block, first, half, rows);
}

void fold(const PackedCell& cell, const float* bias, std::size_t count, bool half, void* rows) {
  if (cell.precision == Precision::kInt16) fold_gates<Int16, 4>(cell, bias, count, half, rows);
  else if (cell.cell == Cell::kLstm) fold_gates<Float32, 4>(cell, bias, count, half, rows);
  else fold_gates<Float32, 3>(cell, bias, count, half, rows);
}

#include "engines/sequence/pool_kernel.inl"

#undef AMAS_INLINE
#undef AMAS_LAMBDA
