# A machine in one sector, to see from outside whether it goes on where it stopped. Fifty times a second it counts, in its memory and on
# its first serial line, each number once. Assembled with WRITES=1 it also writes all of its memory above 1 MiB, again and again, each
# word another value each time; with REST=n, n pages between two ticks at most, which leaves time to others.
#
# Where it tells what it does, in its physical memory:
#   0x8000  "GMF1", once it runs
#   0x8004  the number counted last; on the serial line it is eight hexadecimal digits and a line feed
#   0x8008  pages of 4096 bytes written since its start, the one that is being written not among them
#   0x800C  where its memory ends
#
# With P pages between 1 MiB and the end, and W written, the page of index W % P is being written for the time G = W / P + 1: the pages
# before it hold values of time G, the pages after it those of G - 1, and it itself begins with the one and ends with the other. The word
# at an address holds, at time G, address + G * 0x9E3779B1, modulo 2^32.

.intel_syntax noprefix
.set MARK, 0x8000
.set COUNTED, 0x8004
.set WRITTEN, 0x8008
.set END, 0x800C
.set IDT, 0x9000
.set FIRST, 1 << 20
.set COM1, 0x3F8
.set TICKS, 1193182 / 50

.code16
.globl _start
_start:
    cli
    cld
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7C00
    mov al, 0x35                    # the firmware's note of how much memory there is: 64 KiB pieces above 16 MiB
    out 0x70, al
    in al, 0x71
    mov ah, al
    mov al, 0x34
    out 0x70, al
    in al, 0x71
    movzx eax, ax
    shl eax, 16
    add eax, 16 << 20
    mov [END], eax
    lgdt [gdt_register]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    ljmp 8, offset protected

.code32
protected:
    mov ax, 16
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov esp, 0x7C00

    mov esi, offset ports           # pairs of a port and a value
    mov ecx, (ports_end - ports) / 3
0:  lodsw
    mov edx, eax
    lodsb
    out dx, al
    loop 0b

    mov dword ptr [IDT + 0x20 * 8], offset tick
    mov word ptr [IDT + 0x20 * 8 + 2], 8
    mov dword ptr [IDT + 0x20 * 8 + 4], 0x8E00
    lidt [idt_register]
    xor eax, eax
    mov [COUNTED], eax
    mov [WRITTEN], eax
    mov dword ptr [MARK], 0x31464D47
    mov al, '\n'                    # behind what the firmware wrote
    call send
    sti

.ifdef WRITES
    xor ebx, ebx                    # G * 0x9E3779B1
.ifdef REST
    mov ebp, REST
.endif
all:
    add ebx, 0x9E3779B1
    mov edi, FIRST
page:
    lea eax, [edi + ebx]
    mov ecx, 1024
1:  mov [edi], eax
    add eax, 4
    add edi, 4
    dec ecx
    jnz 1b
    inc dword ptr [WRITTEN]
.ifdef REST
    dec ebp
    jnz 2f
    mov ebp, REST
    hlt
2:
.endif
    cmp edi, [END]
    jb page
    jmp all
.else
0:  hlt
    jmp 0b
.endif

tick:
    pushad
    mov ebx, [COUNTED]
    inc ebx
    mov [COUNTED], ebx
    mov ecx, 8
2:  rol ebx, 4
    mov al, bl
    and al, 15
    cmp al, 10
    sbb al, 0x69                    # 0..15 to '0'..'F'
    das
    call send
    loop 2b
    mov al, '\n'
    call send
    mov al, 0x20
    out 0x20, al
    popad
    iretd

send:
    mov ah, al
    mov dx, COM1 + 5
3:  in al, dx
    test al, 0x20
    jz 3b
    mov al, ah
    mov dl, COM1 & 0xFF
    out dx, al
    ret

.macro port number, value
    .word \number
    .byte \value
.endm
ports:
    port COM1 + 3, 0x80             # 115200 8N1, no interrupts
    port COM1, 1
    port COM1 + 1, 0
    port COM1 + 3, 3
    port COM1 + 1, 0
    port COM1 + 2, 7
    port 0x20, 0x11                 # interrupts 0.. are vectors 0x20.., and only the timer's comes
    port 0x21, 0x20
    port 0x21, 4
    port 0x21, 1
    port 0x21, 0xFE
    port 0xA1, 0xFF
    port 0x43, 0x34                 # the timer
    port 0x40, TICKS & 0xFF
    port 0x40, TICKS >> 8
ports_end:

.balign 8
gdt:
    .quad 0, 0x00CF9A000000FFFF, 0x00CF92000000FFFF
gdt_register:
    .word . - gdt - 1
    .long gdt
idt_register:
    .word 0x21 * 8 - 1
    .long IDT

.org 510
    .word 0xAA55
