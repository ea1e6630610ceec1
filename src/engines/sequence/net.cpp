#include "engines/sequence/net.h"

#include <algorithm>

namespace amas::engines::sequence {

int Branch::steps(int length) const {
  int steps = first.steps(length);
  for (const Convolution& one : above) steps = one.steps(steps);
  return steps;
}

int Branch::shortest() const {
  int lost = 1 - first.steps(1), most = std::max(0, lost);
  for (const Convolution& one : above) {
    lost += 1 - one.steps(1);
    most = std::max(most, lost);
  }
  return 1 + most;
}

}  // namespace amas::engines::sequence
