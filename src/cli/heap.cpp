#include "src/cli/heap.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "formats/model_file.h"

namespace weigh::core {

void prepare_heap() {
#if defined(__GLIBC__) && defined(MADV_HUGEPAGE)
  // By default what is large goes back to the system when it is freed, and comes anew page by page: a third of the time
  // of a report on a large model.
  constexpr int kNeverBack = 1 << 30;
  constexpr int kMostOnHeap = 32 << 20;  // glibc's own limit, in some of its versions
  constexpr int kGrowth = 1 << 20;
  mallopt(M_TRIM_THRESHOLD, kNeverBack);
  mallopt(M_MMAP_THRESHOLD, kMostOnHeap);

  // The heap goes on with large pages. Two small ones are written to at once: the one before these, where that begins, and one
  // behind what is taken first. All are addresses: memory is what is written to. If any of it is refused, nothing is lost.
  constexpr std::uintptr_t kPage = std::uintptr_t{4} << 10;
  constexpr int kReserved = 128 << 20;
  const auto end = reinterpret_cast<std::uintptr_t>(sbrk(0));
  if (sbrk(static_cast<std::intptr_t>((2 * kLargePage - kPage - end % kLargePage) % kLargePage)) == MAP_FAILED) return;
  auto* const begin = static_cast<std::byte*>(sbrk(0)) + kPage;
  mallopt(M_TOP_PAD, kReserved);
  void* volatile first = std::malloc(kMostOnHeap - kGrowth);  // volatile: a compiler leaves out what is freed at once
  std::free(first);
  mallopt(M_TOP_PAD, kGrowth);
  if (static_cast<std::byte*>(sbrk(0)) - begin >= kReserved) madvise(begin, kReserved, MADV_HUGEPAGE);
#endif
}

}  // namespace weigh::core
