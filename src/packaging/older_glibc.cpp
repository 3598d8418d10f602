// What the C++ runtime asks of glibc 2.35 and 2.36, for a program that it is linked into and that runs with 2.34.
#include <dlfcn.h>
#include <link.h>
#include <sys/random.h>

#include <cstdint>
#include <cstdlib>

namespace {

struct Search {
  std::uintptr_t address;
  dl_find_object* result;
};

int look_at(dl_phdr_info* object, std::size_t /*size*/, void* data) {
  const Search& search = *static_cast<const Search*>(data);
  dl_find_object& result = *search.result;
  bool holds = false;
  result.dlfo_eh_frame = nullptr;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& part = object->dlpi_phdr[i];
    const std::uintptr_t begin = object->dlpi_addr + part.p_vaddr;
    if (part.p_type == PT_GNU_EH_FRAME) result.dlfo_eh_frame = reinterpret_cast<void*>(begin);
    if (part.p_type != PT_LOAD || search.address < begin || search.address >= begin + part.p_memsz) continue;
    holds = true;
    result.dlfo_flags = 0;
    result.dlfo_map_start = reinterpret_cast<void*>(begin);
    result.dlfo_map_end = reinterpret_cast<void*>(begin + part.p_memsz);
    result.dlfo_link_map = nullptr;  // the unwinder does not ask
  }
  return holds && result.dlfo_eh_frame != nullptr ? 1 : 0;
}

}  // namespace

// Of 2.35: the unwinder asks in which object an address lies.
extern "C" int _dl_find_object(void* address, dl_find_object* result) noexcept {
  Search search{reinterpret_cast<std::uintptr_t>(address), result};
  return dl_iterate_phdr(look_at, &search) == 1 ? 0 : -1;
}

// Of 2.36: std::random_device.
extern "C" std::uint32_t arc4random() noexcept {
  std::uint32_t number = 0;
  if (getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) std::abort();
  return number;
}
