// The kernel of folded convolutions: included at the end of kernel.inl.

/// What comes of a sum at one step, before it is pooled.
template <Pool kPool>
AMAS_INLINE Vector step_value(Vector sum) {
  if constexpr (kPool == Pool::kReluSum) return Isa::maximum(sum, Isa::all(0.0F));
  if constexpr (kPool == Pool::kTanhSum) {
    const Vector one = Isa::all(1.0F);
    const Vector q = power_of_two_fine(clamp(Isa::multiply(sum, Isa::all(-2.885390082F))));
    return Isa::divide(Isa::subtract(one, q), Isa::add(one, q));
  }
  return sum;
}

/// Some blocks of filters over all steps; what is pooled stays in registers.
template <class Base, Pool kPool, int Blocks>
[[gnu::flatten]] void pool_blocks(const PackedBranch& branch, const std::int32_t* index, int steps, int block,
                                  float* result) {
  constexpr int kVectors = Blocks * kParts;
  const std::size_t tap_bytes = static_cast<std::size_t>(branch.blocks) * kBlock * sizeof(Base);
  const char* rows =
      static_cast<const char*>(branch.rows) + static_cast<std::size_t>(block) * kBlock * sizeof(Base);
  const float* bias = branch.bias + block * kBlock;
  Vector pooled[kVectors];
  repeat<kVectors>([&](auto v)
                       AMAS_LAMBDA { pooled[v] = Isa::all(kPool == Pool::kMax ? -__builtin_inff() : 0.0F); });
  for (int step = 0; step < steps; ++step) {
    Vector sum[kVectors];
    const auto add_tap = [&](int tap, bool first) AMAS_LAMBDA {
      const std::int32_t* at = index + step + tap;
      const char* share = rows + static_cast<std::size_t>(tap) * tap_bytes;
      const auto* row =
          reinterpret_cast<const Base*>(share + static_cast<std::size_t>(at[0]) * branch.row_stride);
      prefetch_row(share + static_cast<std::size_t>(at[kRowsAhead]) * branch.row_stride,
                   Blocks * kBlock * sizeof(Base));
      repeat<kVectors>([&](auto v) AMAS_LAMBDA {
        const Vector value = Isa::load(row + v * Isa::kWidth);
        sum[v] = first ? value : Isa::add(sum[v], value);
      });
    };
    add_tap(0, true);
    for (int tap = 1; tap < branch.width; ++tap) add_tap(tap, false);
    repeat<kVectors>([&](auto v) AMAS_LAMBDA {
      if constexpr (kPool == Pool::kMax) pooled[v] = Isa::maximum(pooled[v], sum[v]);
      else
        pooled[v] =
            Isa::add(pooled[v], step_value<kPool>(Isa::add(sum[v], Isa::load(bias + v * Isa::kWidth))));
    });
  }
  // Rounding keeps order: the largest sum plus the bias is the largest of the sums with it.
  repeat<kVectors>([&](auto v) AMAS_LAMBDA {
    if constexpr (kPool == Pool::kMax) pooled[v] = Isa::add(pooled[v], Isa::load(bias + v * Isa::kWidth));
    Isa::store(result + block * kBlock + v * Isa::kWidth, pooled[v]);
  });
}

template <class Base, Pool kPool>
void pool_all(const PackedBranch& branch, const std::int32_t* index, int steps, float* result) {
  constexpr int kMost = kParts == 1 ? 8 : 2;  // as many as the registers hold, twice
  int block = 0;
  for (; block + kMost <= branch.blocks; block += kMost)
    pool_blocks<Base, kPool, kMost>(branch, index, steps, block, result);
  if constexpr (kMost > 4)
    for (; block + 4 <= branch.blocks; block += 4)
      pool_blocks<Base, kPool, 4>(branch, index, steps, block, result);
  for (; block + 2 <= branch.blocks; block += 2)
    pool_blocks<Base, kPool, 2>(branch, index, steps, block, result);
  for (; block < branch.blocks; ++block) pool_blocks<Base, kPool, 1>(branch, index, steps, block, result);
}

template <class Base>
void pool_kind(const PackedBranch& branch, const std::int32_t* index, int steps, float* result) {
  if (branch.pool == Pool::kMax) pool_all<Base, Pool::kMax>(branch, index, steps, result);
  else if (branch.pool == Pool::kSum) pool_all<Base, Pool::kSum>(branch, index, steps, result);
  else if (branch.pool == Pool::kReluSum) pool_all<Base, Pool::kReluSum>(branch, index, steps, result);
  else pool_all<Base, Pool::kTanhSum>(branch, index, steps, result);
}

void pool(const PackedBranch& branch, const std::int32_t* index, int steps, float* result) {
  if (branch.half) pool_kind<std::uint16_t>(branch, index, steps, result);
  else pool_kind<float>(branch, index, steps, result);
}
