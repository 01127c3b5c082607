# SPDX-License-Identifier: BSD-3-Clause
#
# Builds Unikraft libraries, unchanged, with the host twin around them:
#
#   make -f TWIN/twin.mk TWIN=<this folder> L=<library>:<library> O=<build folder>
#        [CC=musl-gcc] [SANITIZE=1] [V=1]
#
# O must hold what kconfig.py wrote. The libraries' own Makefile.uk say what is
# compiled and how; the functions that they call are defined below and do what
# those of Unikraft's build system do. Result: O/twin.

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.SUFFIXES:
.DELETE_ON_ERROR:

ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin LD),default)
LD := ld
endif
OBJCOPY ?= objcopy
PATCH ?= patch
TAR ?= tar
SHA256SUM ?= sha256sum
Q := $(if $(V),,@)

comma := ,
empty :=
space := $(empty) $(empty)

need = $(if $(strip $($(1))),,$(error $(1)= is not given))$(if $(word 2,$($(1))),$(error $(1)=$($(1)): make cannot handle blanks in a path))
$(call need,TWIN)$(call need,L)$(call need,O)

ifeq ($(wildcard $(O)/.config),)
$(error $(O)/.config is not there: kconfig.py writes it)
endif

BUILD_DIR := $(abspath $(O))
TWIN_BASE := $(abspath $(TWIN))
TWIN_BUILD := $(BUILD_DIR)/hosttwin
KCONFIG_AUTOHEADER := $(BUILD_DIR)/include/uk/bits/config.h

.PHONY: all fetch
all: $(BUILD_DIR)/twin

include $(BUILD_DIR)/.config

# ---- what Makefile.uk files call -------------------------------------------

uc = $(subst a,A,$(subst b,B,$(subst c,C,$(subst d,D,$(subst e,E,$(subst f,F,$(subst g,G,$(subst h,H,$(subst i,I,$(subst j,J,$(subst k,K,$(subst l,L,$(subst m,M,$(subst n,N,$(subst o,O,$(subst p,P,$(subst q,Q,$(subst r,R,$(subst s,S,$(subst t,T,$(subst u,U,$(subst v,V,$(subst w,W,$(subst x,X,$(subst y,Y,$(subst z,Z,$(1)))))))))))))))))))))))))))
qstrip = $(strip $(subst ",,$(1)))

# addlib(library): the folder whose Makefile.uk is being read is a library
define addlib
UK_LIBS += $(1)
$(call uc,$(1))_BASE := $(IMPORT_BASE)
$(call uc,$(1))_BUILD := $(BUILD_DIR)/$(1)
$(call uc,$(1))_EXPORTS += $(wildcard $(IMPORT_BASE)/exportsyms.uk)
$(call uc,$(1))_LOCALS += $(wildcard $(IMPORT_BASE)/localsyms.uk)
endef

# addlib_s(library, y or nothing)
addlib_s = $(if $(filter y,$(2)),$(call addlib,$(1)))

# uk_libparam_libprefix_set(library, prefix)
define uk_libparam_libprefix_set
$(call uc,$(1))_CFLAGS += -DUK_LIBPARAM_LIBPREFIX=$(if $(2),$(2),$(1))
endef
addlib_paramprefix = $(uk_libparam_libprefix_set)

# fetch(library, url): the archive must be there already, under the name that
# it has in the URL; nothing is downloaded
fetch = $(call fetchas,$(1),$(2),$(notdir $(2)))

# fetchas(library, url, name)
define fetchas
$(BUILD_DIR)/$(1)/$(3):
	@echo "$$@ is not there: put the archive of $(2) there" >&2; exit 1
$(BUILD_DIR)/$(1)/.chksum: $(BUILD_DIR)/$(1)/$(3)
	$$(if $$($(call uc,$(1))_ORIGIN_SHA256),@echo '$$(call qstrip,$$($(call uc,$(1))_ORIGIN_SHA256))  $$<' | $(SHA256SUM) --status -c - || { echo '$$<: SHA256 checksum validation failed' >&2; exit 1; })
	@touch $$@
UK_FETCH-y += $(BUILD_DIR)/$(1)/.chksum
$(call unarchive,$(1),$(BUILD_DIR)/$(1)/$(3),$(BUILD_DIR)/$(1)/.chksum)
endef

# unarchive(library, archive, what else must be there first)
unarchive = $(if $(filter %.tar.gz %.tgz %.tar.xz %.txz %.tar.bz2 %.tbz2,$(2)),$(call _unarchive,$(1),$(2),$(3)),$(error $(2): the host twin cannot unpack this kind of archive))
define _unarchive
$(call uc,$(1))_ORIGIN := $(BUILD_DIR)/$(1)/origin
$(BUILD_DIR)/$(1)/.origin: $(2) $(3)
	@echo '  UNTAR   $(1): $(notdir $(2))'
	@rm -rf $(BUILD_DIR)/$(1)/origin && mkdir -p $(BUILD_DIR)/$(1)/origin
	$(Q)$(TAR) -xf $(2) -C $(BUILD_DIR)/$(1)/origin
	@touch $$@
# A source may also come from a patch: the compiler says when it is nowhere.
$(BUILD_DIR)/$(1)/origin/%: | $(BUILD_DIR)/$(1)/.origin
	@:
UK_FETCH-y += $(BUILD_DIR)/$(1)/.origin
endef

# patch(library, folder, folder below origin): every file of the folder, sorted
define patch
$(BUILD_DIR)/$(1)/.patched: $(BUILD_DIR)/$(1)/.origin
	@echo '  PATCH   $(1): $(words $(wildcard $(2)/*)) files'
	$(Q)set -e; for p in $(sort $(wildcard $(2)/*)); do $(PATCH) -s -d $(BUILD_DIR)/$(1)/origin/$(3) -p1 < $$$$p; done
	@touch $$@
UK_FETCH-y += $(BUILD_DIR)/$(1)/.patched
endef

clone = $(error $(1): the host twin does not clone)
fetch2 = $(error $(1): the host twin knows fetch, not fetch2)
fetchas2 = $(error $(1): the host twin knows fetch, not fetchas2)

# ---- the libraries -----------------------------------------------------------

define import_lib
IMPORT_BASE := $(1)
include $(1)/Makefile.uk
endef
$(foreach dir,$(subst :, ,$(L)),$(eval $(call import_lib,$(abspath $(dir)))))

LIBS := $(UK_LIBS) $(UK_LIBS-y)
$(shell mkdir -p $(TWIN_BUILD) $(addprefix $(BUILD_DIR)/,$(LIBS)))

# ---- flags -------------------------------------------------------------------

# As Unikraft, which is not Linux either: what a source has for Linux only is
# left out here, too
COMPFLAGS += -Wall -Wextra -Werror -O2 -g -fno-omit-frame-pointer
COMPFLAGS += $(if $(SANITIZE),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all)
UKFLAGS := -U__linux__ -D__Unikraft__ -DUK_CODENAME=Twin -DUK_FULLVERSION=0.16.3 \
	-DCONFIG_UK_ARCH='"$(shell uname -m)"'
# The twin's headers stand in for Unikraft's only: libc's are the host's
TWIN_INCLUDES := -I$(TWIN_BASE)/include -I$(BUILD_DIR)/include

# Sources of the twin, and the Unikraft library that each stands in for
TWIN_SOURCES := alloc:libukalloc boot:libukboot libid:libuklibid \
	libparam:libuklibparam lwip:liblwip mutex:libuklock netdev:libuknetdev \
	sched:libuksched store:libukstore fdtab:libposix_fdtab time:libukboot
TWIN_LIBS := $(foreach s,$(TWIN_SOURCES),$(lastword $(subst :, ,$(s))))
ALL_LIBS := $(sort $(TWIN_LIBS) $(LIBS))

# Calls of malloc() and friends go through alloc.c
LDFLAGS += $(addprefix -Wl$(comma)--wrap=,malloc calloc realloc free strdup strndup)

# ---- generated files -----------------------------------------------------------

# The recipe of a file that holds $(TEXT), and is not touched when it does already
update = $(file >$@.new,$(TEXT))@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
.PHONY: FORCE

define newline


endef

indices = $(eval _n :=)$(foreach l,$(ALL_LIBS),$(l):$(words $(_n))$(eval _n += x))
define LIBID_H
/* Written by twin.mk */
$(foreach p,$(indices),#define __UKLIBID_$(subst :, ,$(p))$(newline))#define __UKLIBID_COUNT__ $(words $(ALL_LIBS))
endef
define LIBS_C
/* Written by twin.mk */
#include "twin.h"

#define BOUNDS(lib) \
	extern const struct uk_store_entry __start_twin_store_##lib[] __weak, \
					   __stop_twin_store_##lib[] __weak;
$(foreach l,$(ALL_LIBS),BOUNDS($(l))$(newline))
const struct twin_store_section twin_store_sections[] = {
$(foreach l,$(ALL_LIBS),	{ __start_twin_store_$(l), __stop_twin_store_$(l) },$(newline))};

const char *const twin_libnames[] = {
$(foreach l,$(ALL_LIBS),	"$(l)",$(newline))};
endef
LIBID_HEADER := $(BUILD_DIR)/include/uk/bits/libid.h
$(LIBID_HEADER): TEXT = $(LIBID_H)
$(TWIN_BUILD)/libs.c: TEXT = $(LIBS_C)
$(LIBID_HEADER) $(TWIN_BUILD)/libs.c: FORCE
	$(update)

# ---- rules -----------------------------------------------------------------------

# compile(source, object, command, library): the object is made again when the
# command, the configuration, the source, a header of it or what the library
# unpacked changed
define compile
$(2).cmd: TEXT := $(3)
$(2).cmd: FORCE
	$$(update)
$(2): $(1) $(2).cmd $(KCONFIG_AUTOHEADER) $(LIBID_HEADER) $(filter $(BUILD_DIR)/$(4)/%,$(UK_FETCH-y)) | $(UK_FETCH-y)
	@echo '  CC      $(patsubst $(BUILD_DIR)/%,%,$(2))'
	$(Q)$(3) -MMD -MP -MF $(2).d -c $(1) -o $(2)
-include $(2).d
endef

# libobj(library, LIBRARY, source, variant)
stem = $(basename $(notdir $(1)))
src_var = $(2)_$(call uc,$(call stem,$(3)))$(if $(4),_$(call uc,$(4)))
obj_of = $(BUILD_DIR)/$(1)/$(call stem,$(3))$(addprefix .,$(4)).o
flags = $($(1)) $($(1)-y)
define libobj
$(if $(filter %.c,$(3)),,$(error $(1): the host twin compiles C only, not $(3)))
$(if $(filter $(obj_of),$($(2)_OBJS-y)),$(error $(1): two sources are named $(notdir $(3)), and Unikraft puts the objects of a library into one folder))
$(2)_OBJS-y += $(obj_of)
$(call compile,$(3),$(obj_of),$(strip $(CC) $(call flags,COMPFLAGS) $(UKFLAGS) \
	$(call flags,$(2)_COMPFLAGS) $(call flags,$(src_var)_INCLUDES) \
	$(call flags,$(2)_CINCLUDES) $(call flags,CINCLUDES) $(TWIN_INCLUDES) \
	$(call flags,CFLAGS) $(call flags,$(2)_CFLAGS) $(call flags,$(src_var)_FLAGS) \
	-D__LIBNAME__=$(1) -D__BASENAME__=$(notdir $(3))),$(1))
endef

# olib(library, LIBRARY): one object, in which only what is exported is global
define olib
$(BUILD_DIR)/$(1).ld.o: $($(2)_OBJS-y)
	@echo '  LD      $(1).ld.o'
	$(Q)$(LD) -r $($(2)_OBJS-y) -o $$@
$(BUILD_DIR)/$(1).o: $(BUILD_DIR)/$(1).ld.o $($(2)_EXPORTS) $($(2)_EXPORTS-y) $($(2)_LOCALS) $($(2)_LOCALS-y)
	@echo '  OBJCOPY $(1).o'
	$(Q)$(OBJCOPY) $(addprefix --keep-global-symbols=,$($(2)_EXPORTS) $($(2)_EXPORTS-y)) \
		$(addprefix --localize-symbols=,$($(2)_LOCALS) $($(2)_LOCALS-y)) $$< $$@
endef

# lib(library, LIBRARY)
define lib
$(foreach s,$(call flags,$(2)_SRCS),$(eval $(call libobj,$(1),$(2),$(firstword $(subst |, ,$(s))),$(word 2,$(subst |, ,$(s))))))
$(if $($(2)_OBJS-y),$(eval $(call olib,$(1),$(2)))$(eval OLIBS += $(BUILD_DIR)/$(1).o))
endef
$(foreach l,$(LIBS),$(call lib,$(l),$(call uc,$(l))))

# twinobj(source, name, library)
define twinobj
TWIN_OBJS += $(TWIN_BUILD)/$(2).o
$(call compile,$(1),$(TWIN_BUILD)/$(2).o,$(strip $(CC) $(call flags,COMPFLAGS) -I$(TWIN_BASE) $(TWIN_INCLUDES) -D__LIBNAME__=$(3)),$(3))
endef
$(foreach s,$(TWIN_SOURCES),$(eval $(call twinobj,$(TWIN_BASE)/$(firstword $(subst :, ,$(s))).c,$(firstword $(subst :, ,$(s))),$(lastword $(subst :, ,$(s))))))
$(eval $(call twinobj,$(TWIN_BUILD)/libs.c,libs,libuklibid))

fetch: $(UK_FETCH-y)

LINK := $(strip $(CC) $(call flags,COMPFLAGS) $(call flags,LDFLAGS) $(TWIN_OBJS) $(OLIBS) -pthread -lm)
$(BUILD_DIR)/twin.cmd: TEXT = $(LINK)
$(BUILD_DIR)/twin.cmd: FORCE
	$(update)
$(BUILD_DIR)/twin: $(TWIN_OBJS) $(OLIBS) $(BUILD_DIR)/twin.cmd
	@echo '  LINK    twin'
	$(Q)$(LINK) -o $@
