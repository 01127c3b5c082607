"""A tree that is built as Unikraft is, by real make, but holds next to nothing."""

from pathlib import Path

from tests.support import write_files

VERSION = "UK_VERSION = 0\nUK_SUBVERSION = 16\nUK_EXTRAVERSION = 3\n"

#: The interface of Unikraft's own Makefile, as far as porttool uses it.
MAKEFILE = r"""
export LC_ALL
step = printf '  %-7s %s\n' '$(1)' '$(2)'
IMAGE := $(O)/$(notdir $(A))_qemu-x86_64
UNKNOWN := CONFIG_UNKNOWN
all: $(IMAGE)
defconfig:
	@mkdir -p $(O)
	@grep -v "^$(UNKNOWN)" $(UK_DEFCONFIG) > $(C)
	@echo "L=$(L)" > $(O)/given; env | sort >> $(O)/given
prepare:
	@$(call step,UNTAR,libmusl)
	@test -z "$(FETCHED)" || cat $(O)/libmusl/musl-9.9.tar.gz > $(O)/libmusl/unpacked
$(O)/main.o: $(A)/main.c
	@$(call step,CC,appdemo: main.o)
	@gcc -Wall -Wextra -c $< -o $@
OURS := $(or $(wildcard $(lastword $(subst :, ,$(L)))/ours.c),/dev/null)
$(O)/ours.o: $(OURS)
	@$(call step,CC,libours: ours.o)
	@gcc -Wall -Wextra -x c -c $< -o $@
$(IMAGE): $(O)/main.o $(O)/ours.o
	@$(call step,LD,$(notdir $@))
	@cat $^ > $@
.PHONY: all defconfig prepare
FETCHED := $(wildcard $(O)/libmusl/musl-9.9.tar.gz)
"""

MUSL = """
$(eval $(call addlib_s,libmusl,$(CONFIG_LIBMUSL)))
ifeq ($(CONFIG_LIBMUSL_NEW),y)
LIBMUSL_VERSION=10.0
else
LIBMUSL_VERSION=9.9
endif
LIBMUSL_URL=https://example.org/musl-$(LIBMUSL_VERSION).tar.gz
$(eval $(call fetch,libmusl,$(LIBMUSL_URL)))
"""

MAIN = "int main(void)\n{\n\treturn 0;\n}\n"


def make_tree(folder: Path, version: str = VERSION) -> Path:
    """``folder/unikraft`` with lib-musl, lib-lwip and archives beside it; gives the first."""
    write_files(
        folder,
        {
            "unikraft/version.mk": version,
            "unikraft/Makefile": MAKEFILE,
            "lib-musl/Makefile.uk": MUSL,
            "lib-lwip/Makefile.uk": "$(eval $(call addlib_s,liblwip,$(CONFIG_LIBLWIP)))\n",
            "archives/musl-9.9.tar.gz": "an archive",
        },
    )
    return folder / "unikraft"
