#include "src/scan/file_system.h"

#ifdef __linux__
#include <sys/vfs.h>
#endif

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace weigh::core {

namespace {

// Numbers of <linux/magic.h> and of the file systems' own sources.
constexpr std::array<std::uint32_t, 22> kKernel{
    0x00009fa0,  // proc
    0x62656572,  // sysfs
    0x00001cd1,  // devpts
    0x0027e0eb,  // cgroup
    0x63677270,  // cgroup2
    0x64626720,  // debugfs
    0x74726163,  // tracefs
    0x73636673,  // securityfs
    0xcafe4a11,  // bpf
    0x6165676c,  // pstore
    0xde5e81e4,  // efivarfs
    0x958458f6,  // hugetlbfs
    0x19800202,  // mqueue
    0x62656570,  // configfs
    0x42494e4d,  // binfmt_misc
    0xf97cff8c,  // selinuxfs
    0x43415d53,  // smackfs
    0x6e736673,  // nsfs
    0x67596969,  // rpc_pipefs
    0x65735543,  // fusectl
    0x09041934,  // anon_inode
    0x50495045,  // pipefs
};

constexpr std::array<std::uint32_t, 11> kOfMachines{
    0x00006969,  // nfs
    0x0000517b,  // smb
    0xff534d42,  // cifs
    0xfe534d42,  // smb2
    0x00c36400,  // ceph
    0x5346414f,  // afs
    0x0bd00bd0,  // lustre
    0x47504653,  // gpfs
    0x19830326,  // beegfs
    0x01021997,  // 9p
    0x65735546,  // fuse: sshfs, GlusterFS
};

std::optional<std::uint32_t> type_of([[maybe_unused]] const std::string& path) {
#ifdef __linux__
  struct statfs system {};
  if (statfs(path.c_str(), &system) == 0) return static_cast<std::uint32_t>(system.f_type);
#endif
  return std::nullopt;
}

bool is_any(const std::string& path, const auto& types) {
  const auto type = type_of(path);
  return type && std::ranges::find(types, *type) != types.end();
}

}  // namespace

bool is_kernel_folder(const std::string& path) { return is_any(path, kKernel); }

bool is_shared_by_machines(const std::string& path) { return is_any(path, kOfMachines); }

}  // namespace weigh::core
