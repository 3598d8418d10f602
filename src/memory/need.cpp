#include "src/memory/need.h"

namespace weigh::core {

MemoryNeed MemoryNeed::none() {
  MemoryNeed need;
  for (const NeedPart part : kNeedParts) need.*part = 0;
  return need;
}

std::uint64_t MemoryNeed::total() const {
  std::uint64_t sum = 0;
  for (const NeedPart part : kNeedParts) sum = plus(sum, (this->*part).value_or(0));
  return sum;
}

MemoryNeed plus(const MemoryNeed& a, const MemoryNeed& b) {
  MemoryNeed sum;
  for (const NeedPart part : kNeedParts) sum.*part = saturating_plus(a.*part, b.*part);
  return sum;
}

}  // namespace weigh::core
