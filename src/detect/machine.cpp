#include "src/detect/machine.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#ifdef __APPLE__
#include <sys/sysctl.h>
#endif

namespace weigh {

namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 20;  // no file that is read here comes near it

// The few functions of NVIDIA's management library that are used, looked up at run time.
class Nvml {
 public:
  Nvml() : library_(dlopen("libnvidia-ml.so.1", RTLD_LAZY | RTLD_LOCAL)) {}
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;
  ~Nvml() {
    if (library_ != nullptr) dlclose(library_);
  }

  [[nodiscard]] std::vector<NvidiaDevice> devices() const {
    using Status = int;
    using Handle = void*;
    struct MemoryInfo {
      unsigned long long total, free, used;
    };
    const auto init = function<Status()>("nvmlInit_v2");
    const auto shut_down = function<Status()>("nvmlShutdown");
    const auto count_of = function<Status(unsigned*)>("nvmlDeviceGetCount_v2");
    const auto handle_of = function<Status(unsigned, Handle*)>("nvmlDeviceGetHandleByIndex_v2");
    const auto name_of = function<Status(Handle, char*, unsigned)>("nvmlDeviceGetName");
    const auto memory_of = function<Status(Handle, MemoryInfo*)>("nvmlDeviceGetMemoryInfo");
    std::vector<NvidiaDevice> found;
    const bool complete = init && shut_down && count_of && handle_of && name_of && memory_of;
    if (!complete || init() != 0) return found;
    unsigned count = 0;
    if (count_of(&count) != 0) count = 0;
    for (unsigned i = 0; i < count; ++i) {
      Handle handle = nullptr;
      std::array<char, 96> name{};
      MemoryInfo memory{};
      if (handle_of(i, &handle) != 0 || memory_of(handle, &memory) != 0) continue;
      if (name_of(handle, name.data(), static_cast<unsigned>(name.size() - 1)) != 0) name[0] = '\0';
      found.push_back({name.data(), memory.total, memory.free});
    }
    shut_down();
    return found;
  }

 private:
  template <typename Signature>
  [[nodiscard]] Signature* function(const char* name) const {
    return library_ == nullptr ? nullptr : reinterpret_cast<Signature*>(dlsym(library_, name));
  }

  void* library_;
};

class ThisMachine : public Machine {
 public:
  [[nodiscard]] std::optional<std::string> read(const std::string& path) const override {
    std::ifstream file(path, std::ios::binary);
    if (!file) return std::nullopt;
    std::string text(kMostBytes, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    return text;
  }

  [[nodiscard]] std::vector<std::string> list(const std::string& path) const override {
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
      names.push_back(it->path().filename().string());
    }
    std::ranges::sort(names);
    return names;
  }

  [[nodiscard]] std::optional<std::string> sysctl([[maybe_unused]] const std::string& name) const override {
#ifdef __APPLE__
    std::array<char, 256> value{};
    std::size_t size = value.size() - 1;
    if (sysctlbyname(name.c_str(), value.data(), &size, nullptr, 0) != 0) return std::nullopt;
    if (name == "machdep.cpu.brand_string") return std::string(value.data());
    std::uint64_t number = 0;
    std::copy_n(value.data(), std::min(size, sizeof number), reinterpret_cast<char*>(&number));
    return std::to_string(number);
#else
    return std::nullopt;
#endif
  }

  [[nodiscard]] std::vector<NvidiaDevice> nvidia() const override { return Nvml().devices(); }
};

}  // namespace

std::unique_ptr<Machine> this_machine() { return std::make_unique<ThisMachine>(); }

}  // namespace weigh
