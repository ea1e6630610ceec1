// The kernel of folded convolutions: included at the end of kernel.inl.

/// What comes of a sum at one step.
template <Activation kActivation>
AMAS_INLINE Vector activated(Vector sum) {
  const Vector one = Isa::all(1.0F);
  if constexpr (kActivation == Activation::kRelu) return Isa::maximum(sum, Isa::all(0.0F));
  if constexpr (kActivation == Activation::kTanh) {
    const Vector q = power_of_two_fine(clamp(Isa::multiply(sum, Isa::all(-2.885390082F))));
    return Isa::divide(Isa::subtract(one, q), Isa::add(one, q));
  }
  if constexpr (kActivation == Activation::kSigmoid) {
    const Vector q = power_of_two_fine(clamp(Isa::multiply(sum, Isa::all(-1.442695041F))));
    return Isa::divide(one, Isa::add(one, q));
  }
  return sum;
}

/// The same, before it is pooled.
template <Pool kPool>
AMAS_INLINE Vector step_value(Vector sum) {
  return activated < kPool == Pool::kReluSum ? Activation::kRelu
         : kPool == Pool::kTanhSum           ? Activation::kTanh
                                             : Activation::kNone > (sum);
}

/// Values in float, from rows of float or half.
template <class Row, Pool kPool>
struct FloatPool {
  using Element = Row;
  using Value = Vector;
  static constexpr int kWidth = Isa::kWidth;
  static constexpr int kMost = kParts == 1 ? 8 : 4;  // vectors whose values and sums stay in registers
  static AMAS_INLINE Value begin() { return Isa::all(kPool == Pool::kMax ? -__builtin_inff() : 0.0F); }
  static AMAS_INLINE Value add(Value a, Value b) { return Isa::add(a, b); }
  static AMAS_INLINE Value pool(Value pooled, Value sum, const float* bias) {
    if constexpr (kPool == Pool::kMax) return Isa::maximum(pooled, sum);
    else return Isa::add(pooled, step_value<kPool>(Isa::add(sum, Isa::load(bias))));
  }
  // Rounding keeps order: the largest sum plus the bias is the largest of the sums with it.
  static AMAS_INLINE void finish(Value pooled, const float*, const float* bias, float* result) {
    if constexpr (kPool == Pool::kMax) pooled = Isa::add(pooled, Isa::load(bias));
    Isa::store(result, pooled);
  }
};

/// The largest in fixed point.
struct ShortPool {
  using Element = std::int16_t;
  using Value = Isa::Short;
  static constexpr int kWidth = Isa::kShorts;
  static constexpr int kMost = Isa::kShorts == 32 ? 8 : 4;
  static AMAS_INLINE Value begin() { return Isa::all_least(); }
  static AMAS_INLINE Value add(Value a, Value b) { return Isa::add_short(a, b); }
  static AMAS_INLINE Value pool(Value pooled, Value sum, const float*) {
    return Isa::maximum_short(pooled, sum);
  }
  static AMAS_INLINE void finish(Value pooled, const float* scales, const float* bias, float* result) {
    std::int16_t values[kWidth];
    Isa::store(values, pooled);
    for (int i = 0; i < kWidth; ++i) result[i] = static_cast<float>(values[i]) * scales[i] + bias[i];
  }
};

/// Some vectors of filters, from `at` on, over all steps.
template <class P, int Vectors>
[[gnu::flatten]] void pool_vectors(const PackedBranch& branch, const std::int32_t* index, int steps, int at,
                                   float* result) {
  using Element = typename P::Element;
  const std::size_t tap_bytes = static_cast<std::size_t>(branch.blocks) * kBlock * sizeof(Element);
  const char* rows = static_cast<const char*>(branch.rows) + static_cast<std::size_t>(at) * sizeof(Element);
  typename P::Value pooled[Vectors];
  repeat<Vectors>([&](auto v) AMAS_LAMBDA { pooled[v] = P::begin(); });
  for (int step = 0; step < steps; ++step) {
    typename P::Value sum[Vectors];
    const auto add_tap = [&](int tap, bool first) AMAS_LAMBDA {
      const std::int32_t* token = index + step + tap;
      const char* share = rows + static_cast<std::size_t>(tap) * tap_bytes;
      const auto* row =
          reinterpret_cast<const Element*>(share + static_cast<std::size_t>(token[0]) * branch.row_stride);
      prefetch_row(share + static_cast<std::size_t>(token[kRowsAhead]) * branch.row_stride,
                   Vectors * P::kWidth * sizeof(Element));
      repeat<Vectors>([&](auto v) AMAS_LAMBDA {
        const typename P::Value value = Isa::load(row + v * P::kWidth);
        sum[v] = first ? value : P::add(sum[v], value);
      });
    };
    add_tap(0, true);
    for (int tap = 1; tap < branch.width; ++tap) add_tap(tap, false);
    repeat<Vectors>([&](auto v) AMAS_LAMBDA {
      pooled[v] = P::pool(pooled[v], sum[v], branch.bias + at + v * P::kWidth);
    });
  }
  repeat<Vectors>([&](auto v) AMAS_LAMBDA {
    const int filter = at + v * P::kWidth;
    P::finish(pooled[v], branch.scales + filter, branch.bias + filter, result + filter);
  });
}

template <class P>
void pool_all(const PackedBranch& branch, const std::int32_t* index, int steps, float* result) {
  const int filters = branch.blocks * kBlock;
  int at = 0;
  for (; at + P::kMost * P::kWidth <= filters; at += P::kMost * P::kWidth)
    pool_vectors<P, P::kMost>(branch, index, steps, at, result);
  if constexpr (P::kMost > 4)
    for (; at + 4 * P::kWidth <= filters; at += 4 * P::kWidth)
      pool_vectors<P, 4>(branch, index, steps, at, result);
  for (; at + 2 * P::kWidth <= filters; at += 2 * P::kWidth)
    pool_vectors<P, 2>(branch, index, steps, at, result);
  for (; at < filters; at += P::kWidth) pool_vectors<P, 1>(branch, index, steps, at, result);
}

template <class Row>
void pool_floats(const PackedBranch& branch, const std::int32_t* index, int steps, float* result) {
  if (branch.pool == Pool::kMax) pool_all<FloatPool<Row, Pool::kMax>>(branch, index, steps, result);
  else if (branch.pool == Pool::kSum) pool_all<FloatPool<Row, Pool::kSum>>(branch, index, steps, result);
  else if (branch.pool == Pool::kReluSum)
    pool_all<FloatPool<Row, Pool::kReluSum>>(branch, index, steps, result);
  else pool_all<FloatPool<Row, Pool::kTanhSum>>(branch, index, steps, result);
}

void pool(const PackedBranch& branch, const std::int32_t* index, int steps, float* result) {
  if (branch.type == RowType::kInt16) pool_all<ShortPool>(branch, index, steps, result);
  else if (branch.type == RowType::kHalf) pool_floats<std::uint16_t>(branch, index, steps, result);
  else pool_floats<float>(branch, index, steps, result);
}

template <Activation kActivation>
[[gnu::flatten]] float activate_all(float* values, std::size_t count) {
  const Vector zero = Isa::all(0.0F);
  Vector largest = zero;
  for (std::size_t at = 0; at < count; at += Isa::kWidth) {
    const Vector value = activated<kActivation>(Isa::load(values + at));
    Isa::store(values + at, value);
    largest = Isa::maximum(largest, Isa::maximum(value, Isa::subtract(zero, value)));
  }
  float each[Isa::kWidth], most = 0;
  Isa::store(each, largest);
  for (const float one : each) most = one > most ? one : most;
  return most;
}

float activate(Activation activation, float* values, std::size_t count) {
  if (activation == Activation::kRelu) return activate_all<Activation::kRelu>(values, count);
  if (activation == Activation::kTanh) return activate_all<Activation::kTanh>(values, count);
  if (activation == Activation::kSigmoid) return activate_all<Activation::kSigmoid>(values, count);
  return activate_all<Activation::kNone>(values, count);
}

[[gnu::flatten]] void to_int16(const float* values, std::size_t count, float factor, std::int16_t* to) {
  for (std::size_t at = 0; at < count; at += Isa::kWidth)
    Isa::store_int16(to + at, Isa::multiply(Isa::load(values + at), Isa::all(factor)));
}
